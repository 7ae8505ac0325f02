// The operations of a request that have a budget, each so many times: operations NAME COUNT
//
// `instructions.py` compiles this with the release objects, and with those sources of the data path whose types
// are internal to their targets.

import Bytes
import Configuration
import HTTP
import HTTP1
import JOSE
import MCP
import OpenSSL
import Policy

/// What arrives: apart from the rest, as it is read while that changes.
struct Texts {
    let request: [UInt8]
    let body = Scene.body.octets
}

/// A request and what it is judged by.
struct Scene: ~Copyable {
    static let now: Int64 = 1_800_000_000
    static let body =
        #"{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{"name":"get_weather","#
        + #""arguments":{"city":"Vienna","units":"metric","days":3}}}"#
    static let response =
        "HTTP/1.1 200 OK\r\nServer: nginx\r\nDate: Sat, 21 Nov 2026 12:00:00 GMT\r\n"
        + "Content-Type: application/json\r\nContent-Length: 106\r\nConnection: keep-alive\r\n\r\n"

    let snapshot: Snapshot
    let table: RouteTable
    let texts: Texts
    let scene = RequestScene(
        healthPath: "/healthz",
        isReady: true,
        now: Scene.now,
        monotonicNow: 0,
        mayAwaitKeys: true
    )
    let sessions = SessionTable()
    let rates = RateTables(entries: 1024)
    var keys = KeyRing(count: 1)
    var tokens = TokenCache(capacity: 1024, subjectKey: [UInt8](repeating: 7, count: 32).span)
    var parser = RequestParser(limits: MessageLimits())
    var request = RequestHead()
    var response = ResponseHead()
    var envelope = Envelope()
    var output = ByteBuffer()

    init(_ snapshot: Snapshot, _ keySet: KeySet, _ texts: Texts) {
        self.snapshot = snapshot
        self.texts = texts
        table = RouteTable(snapshot.routes)
        keys[IssuerID(0)] = IssuerKeys(keySet: keySet, isPending: false)
    }

    /// A scene in which the token is known, and what is made once is made.
    static func ready() throws -> Scene {
        let source = ConfigurationSource(name: "gateway.json", text: configuration.octets)
        let key = try SigningKey(generating: .ellipticCurve(.p256))
        guard let signer = TokenSigner(key: key, algorithm: .es256, keyID: "k1") else { throw Failure() }
        let claims =
            #"{"iss":"https://as.example","sub":"alice","aud":"https://mcp.example/route8","client_id":"c","#
            + #""scope":"mcp:use","jti":"0123456789abcdef","iat":\#(now),"exp":\#(now + 300)}"#
        let texts = Texts(request: head(try signer.sign(claims.octets.span, type: "at+jwt")).octets)
        let keySet = try KeySet("{\"keys\":[\(signer.publicJWK)]}".octets.span)
        var scene = Scene(try ConfigurationLoader.compile(source).snapshot, keySet, texts)
        var parser = ResponseParser(limits: MessageLimits())
        _ = try parser.parse(response.octets.span, into: &scene.response, answering: .post)
        try scene.parseHead(texts)
        try scene.judgeHead()
        return scene
    }

    private static func head(_ token: String) -> String {
        "POST /route8 HTTP/1.1\r\nHost: mcp.example\r\nUser-Agent: example-client/1.4.2\r\n"
            + "Authorization: Bearer \(token)\r\nContent-Type: application/json\r\n"
            + "Accept: application/json, text/event-stream\r\nMCP-Protocol-Version: 2025-06-18\r\n"
            + "Content-Length: \(body.utf8.count)\r\n\r\n"
    }

    /// Sixteen routes of one issuer.
    private static var configuration: String {
        let routes = (0..<16).map {
            #"{"resource":"https://mcp.example/route\#($0)","issuer":"as","scopes":["mcp:use"],"#
                + #""upstream":"http://127.0.0.1:3000/mcp"}"#
        }
        return #"{"listeners":[{"address":"127.0.0.1:8080"}],"#
            + #""issuers":{"as":{"issuer":"https://as.example","algorithms":["ES256"],"max_token_lifetime":"1h"}},"#
            + #""routes":[\#(routes.joined(separator: ","))]}"#
    }
}

/// What must not happen did.
struct Failure: Error {}

extension Scene {
    mutating func parseHead(_ texts: Texts) throws {
        request.removeAll()
        guard try parser.parse(texts.request.span, into: &request) != nil else { throw Failure() }
    }

    mutating func findRoute() throws {
        let bytes = request.bytes.span
        guard let authority = table.authority(bytes.extracting(request.authority)),
            table.match(authority: authority, path: bytes.extracting(request.target.path)) != nil
        else { throw Failure() }
    }

    mutating func judgeHead() throws {
        let decision = AccessPolicy.decide(
            request,
            scene: scene,
            snapshot: snapshot,
            keys: keys,
            tokens: &tokens,
            sessions: sessions,
            meter: RateMeter(tables: rates, address: HashedKey([127, 0, 0, 1]), now: 1_000_000_000)
        )
        guard case .awaitBody = consume decision else { throw Failure() }
    }

    mutating func scanBody(_ texts: Texts) throws {
        try envelope.read(texts.body.span)
        _ = try ProtocolRules.era(of: envelope, body: texts.body.span, head: request)
    }

    mutating func writeRequest() throws {
        let route = snapshot.routes[8]
        guard let endpoint = route.upstream.endpoints.first else { throw Failure() }
        let facts = UpstreamRequest.Facts(
            route: route,
            endpoint: endpoint,
            framing: .length(106),
            clientHost: "127.0.0.1",
            trace: .own(TraceContext(trace: RequestID(1, 2), span: 3, isSampled: false), .none),
            subpath: ByteRange(0, 0),
            target: nil,
            sessionID: nil,
            rules: ForwardedFields.RequestRules(credentials: .strip, isLegacy: true, isRewritten: false)
        )
        output.removeAll()
        UpstreamRequest.append(request, facts: facts, to: &output)
        guard output.count > 100 else { throw Failure() }
    }

    mutating func writeResponse() throws {
        let facts = ClientResponse.Facts(
            date: "Sat, 21 Nov 2026 12:00:00 GMT",
            crossOrigin: [],
            framing: .length(106),
            isEventStream: false,
            sessionID: nil
        )
        output.removeAll()
        let persistence = ClientResponse.Persistence(isPersistent: true, version: .http11)
        ClientResponse.append(response, facts: facts, persistence: persistence, to: &output)
        guard output.count > 100 else { throw Failure() }
    }
}

@main
struct Operations {
    static func main() throws {
        guard CommandLine.arguments.count == 3, let count = Int(CommandLine.arguments[2]) else {
            throw Failure()
        }
        var scene = try Scene.ready()
        let texts = scene.texts
        switch CommandLine.arguments[1] {
        case "parse head": for _ in 0..<count { try scene.parseHead(texts) }
        case "route": for _ in 0..<count { try scene.findRoute() }
        case "judge head, token known": for _ in 0..<count { try scene.judgeHead() }
        case "scan body": for _ in 0..<count { try scene.scanBody(texts) }
        case "write request head": for _ in 0..<count { try scene.writeRequest() }
        case "write response head": for _ in 0..<count { try scene.writeResponse() }
        default: throw Failure()
        }
    }
}
