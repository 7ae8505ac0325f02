// The gateway of the decision tables: routes, real keys, tokens with chosen members, and requests as raw text.

import Bytes
import HTTP
import HTTP1
import JOSE
import MCP
import OpenSSL

@testable import Policy

/// Members of a JSON object, name and JSON text of the value; nil takes the member away.
typealias Members = KeyValuePairs<String, String?>

/// The configuration and the issuers' keys.
struct Gateway: Sendable {
    static let now: Int64 = 1_800_000_000
    static let monotonicNow: Int64 = 5_000
    static let metadata = "https://gw.example/.well-known/oauth-protected-resource/notion"

    let snapshot: Snapshot
    let signer: TokenSigner
    let rsaSigner: TokenSigner
    let partner: TokenSigner
    let keys: KeyRing
    let sessions = SessionTable()

    struct WrongKey: Error {}

    init(limits: Limits = Limits()) throws {
        signer = try Self.signer(.ellipticCurve(.p256), .es256, "k1")
        rsaSigner = try Self.signer(.rsa, .rs256, "k2")
        partner = try Self.signer(.ellipticCurve(.p256), .es256, "k1")
        var keys = KeyRing(count: 2)
        keys[IssuerID(0)] = IssuerKeys(keySet: try Self.keySet([signer, rsaSigner]), isPending: false)
        keys[IssuerID(1)] = IssuerKeys(keySet: try Self.keySet([partner]), isPending: false)
        self.keys = keys
        snapshot = try Self.snapshot(limits)
    }

    static func signer(_ kind: KeyKind, _ algorithm: SignatureAlgorithm, _ name: String) throws -> TokenSigner
    {
        let key = try SigningKey(generating: kind)
        guard let signer = TokenSigner(key: key, algorithm: algorithm, keyID: name) else { throw WrongKey() }
        return signer
    }

    static func keySet(_ signers: [TokenSigner]) throws -> KeySet {
        try KeySet("{\"keys\":[\(signers.map(\.publicJWK).joined(separator: ","))]}".octets.span)
    }

    /// Counts nothing for any address.
    static var meter: RateMeter { RateMeter(tables: RateTables(entries: 8), address: nil, now: 0) }

    private static func snapshot(_ limits: Limits) throws -> Snapshot {
        let names = ["https://as.example", "https://partner.example"]
        let issuers = names.enumerated().map { index, name in
            Issuer(
                name: "issuer\(index)",
                rules: TokenRules(issuer: name, tokenType: index == 0 ? .accessToken : .any),
                keySource: .discover,
                keyMaximumAge: 86_400,
                otherAudiences: index == 0 ? [] : ["account"]
            )
        }
        func route(
            _ resource: String,
            issuer: Int = 0,
            subpaths: Bool = false,
            scopes: [String] = [],
            aliases: [String] = [],
            origins: Set<String> = []
        ) throws -> Route {
            Route(
                resource: try ResourceURI(resource),
                issuers: [IssuerID(issuer)],
                issuerURIs: [names[issuer]],
                coversSubpaths: subpaths,
                scopes: scopes,
                audienceAliases: aliases,
                origins: origins,
                upstream: Upstream(
                    endpoints: [Endpoint(host: "127.0.0.1", port: 1, authority: "server", path: "/mcp")],
                    credentials: .forward,
                    connectTimeout: 1,
                    responseTimeout: 1
                )
            )
        }
        return Snapshot(
            hash: "",
            listeners: [],
            issuers: issuers,
            routes: [
                try route(
                    "https://gw.example/notion",
                    scopes: ["notion.read"],
                    origins: ["https://app.example"]
                ),
                try route("https://gw.example/a/b/mcp"),
                try route("https://root.example"),
                try route("https://gw.example/sub", subpaths: true),
                try route("https://gw.example/alias", aliases: ["urn:alias"]),
                try route("https://gw.example/partner", issuer: 1),
                try route("https://gw.example/two", scopes: ["one", "two"]),
            ],
            scopeImplications: ["notion.admin": ["notion.write"], "notion.write": ["notion.read"]],
            limits: limits
        )
    }

    /// A good token for `/notion`, but for the members given.
    func token(
        header: Members = [:],
        claims: Members = [:],
        by signer: TokenSigner? = nil,
        at now: Int64 = now
    ) throws -> String {
        let signer = signer ?? self.signer
        let header = Self.object(
            [
                ("alg", "\"\(signer.algorithm.rawValue)\""), ("typ", "\"at+jwt\""),
                ("kid", "\"\(signer.keyID)\""),
            ],
            header
        )
        let claims = Self.object(
            [
                ("iss", "\"https://as.example\""), ("sub", "\"alice\""),
                ("aud", "\"https://gw.example/notion\""), ("client_id", "\"c\""), ("jti", "\"1\""),
                ("iat", "\(now)"), ("exp", "\(now + 300)"), ("scope", "\"notion.read\""),
            ],
            claims
        )
        return try signer.sign(claims.octets.span, header: header.octets.span)
    }

    private static func object(_ base: [(String, String)], _ changes: Members) -> String {
        let kept = base.filter { member in !changes.contains { $0.key == member.0 } }
        let added = changes.compactMap { change in change.value.map { (change.key, $0) } }
        return "{" + (kept + added).map { "\"\($0.0)\":\($0.1)" }.joined(separator: ",") + "}"
    }
}

/// What a decision comes down to.
struct Outcome: Equatable, Sendable, CustomStringConvertible {
    var status = 0
    var code = ""
    var fields: [String: [String]] = [:]
    var body = ""
    /// The route that a permit is for.
    var permitted: Int?
    var intended: Int?

    var challenges: [String] { fields["WWW-Authenticate"] ?? [] }

    var description: String { "\(status) \(code) \(permitted.map { "to \($0)" } ?? "") \(challenges)" }
}

extension Gateway {
    /// The decision on the request with this text.
    func decide(
        _ text: String,
        keys: KeyRing? = nil,
        tokens: inout TokenCache,
        now: Int64 = now,
        isReady: Bool = true,
        mayAwaitKeys: Bool = false,
        meter: RateMeter = meter
    ) -> Outcome {
        var head = RequestHead()
        var parser = RequestParser(limits: MessageLimits())
        var body = ByteBuffer()
        do throws(MessageViolation) {
            let octets = text.octets
            guard let length = try parser.parse(octets.span, into: &head) else {
                return Outcome(code: "part")
            }
            body.append(octets.span.extracting(length...))
            // A request whose head alone is to be judged.
            if body.isEmpty { body.append(Self.message(for: text)) }
        } catch {
            return Outcome(status: error.status, code: error.rawValue)
        }
        let decision = AccessPolicy.decide(
            head,
            scene: RequestScene(
                healthPath: "/healthz",
                isReady: isReady,
                now: now,
                monotonicNow: Self.monotonicNow,
                mayAwaitKeys: mayAwaitKeys
            ),
            snapshot: snapshot,
            keys: keys ?? self.keys,
            tokens: &tokens,
            sessions: sessions,
            meter: meter
        )
        return outcome(of: decision, head, body, meter)
    }

    /// A message of the revision that the head names.
    private static func message(for text: String) -> String {
        guard text.contains("MCP-Protocol-Version: 2026-07-28") else {
            return #"{"jsonrpc":"2.0","id":1,"method":"ping"}"#
        }
        let prefix = "io.modelcontextprotocol/"
        return
            #"{"jsonrpc":"2.0","id":1,"method":"tools/list","params":{"_meta":{"\#(prefix)protocolVersion":"#
            + #""2026-07-28","\#(prefix)clientCapabilities":{}}}}"#
    }

    private func outcome(
        of decision: consuming Decision,
        _ head: borrowing RequestHead,
        _ body: borrowing ByteBuffer,
        _ meter: RateMeter
    ) -> Outcome {
        switch consume decision {
        case .awaitBody(let clearance):
            var envelope = Envelope()
            let decision = AccessPolicy.decide(
                clearance,
                on: head,
                body: body.span,
                envelope: &envelope,
                snapshot: snapshot,
                sessions: sessions,
                meter: meter
            )
            return outcome(of: decision, head, body, meter)
        case .forward(let permit):
            return Outcome(
                status: 200,
                code: "allowed",
                fields: permit.origin.map { ["Origin": [$0]] } ?? [:],
                body: head.text(permit.subpath),
                permitted: permit.route.index
            )
        case .awaitKeys(let issuer): return Outcome(code: "await \(issuer.index)")
        case .respond(let response):
            var fields: [String: [String]] = [:]
            for field in response.fields { fields["\(field.name)", default: []].append(field.value) }
            return Outcome(
                status: response.status,
                code: response.reason.code,
                fields: fields,
                body: String(decoding: response.body, as: UTF8.self),
                intended: response.intendedRoute?.index
            )
        }
    }

    /// The decision, which must be the same whatever the cache remembers, now and after a change of keys.
    func decide(_ text: String, now: Int64 = now) throws -> (outcome: Outcome, isSteady: Bool) {
        var cache = TokenCache(capacity: 64, subjectKey: [1].span)
        let cold = decide(text, tokens: &cache, now: now)
        let warm = decide(text, tokens: &cache, now: now)
        var steady = cold == warm
        for keys in try otherKeys() {
            var empty = TokenCache(capacity: 64, subjectKey: [1].span)
            let fresh = decide(text, keys: keys, tokens: &empty, now: now)
            steady = steady && decide(text, keys: keys, tokens: &cache, now: now) == fresh
            steady = steady && decide(text, tokens: &cache, now: now) == cold
        }
        return (cold, steady)
    }

    /// The keys as they may be later: the old one beside new ones, only new ones, none.
    private func otherKeys() throws -> [KeyRing] {
        let new = try Self.signer(.ellipticCurve(.p256), .es256, "k3")
        return try [[signer, rsaSigner, new], [new], [partner], []].map { signers in
            var keys = keys
            let set = signers.isEmpty ? nil : try Self.keySet(signers)
            keys[IssuerID(0)] = IssuerKeys(keySet: set, isPending: false)
            return keys
        }
    }

    /// The text of a modern POST, but for what is given.
    static func post(
        _ target: String = "/notion",
        method: String = "POST",
        host: String = "gw.example",
        token: String? = nil,
        type: String? = "application/json",
        fields: [String] = []
    ) -> String {
        let lines =
            ["\(method) \(target) HTTP/1.1", "Host: \(host)"]
            + (token.map { ["Authorization: Bearer \($0)"] } ?? [])
            + (type.map { ["Content-Type: \($0)"] } ?? [])
            + (method == "POST" ? ["Content-Length: 2"] : [])
            + ["Accept: application/json, text/event-stream"] + fields
        return lines.joined(separator: "\r\n") + "\r\n\r\n"
    }
}
