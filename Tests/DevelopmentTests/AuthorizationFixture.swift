// An authorization server with two resources, a clock that the test sets, and random bytes that count up.

import Bytes
import JSON
import OpenSSL
import Testing

@testable import Development

/// What tests ask the authorization server through.
struct AuthorizationFixture {
    static let files = "http://127.0.0.1:8080/files"
    static let calendar = "http://127.0.0.1:8080/calendar"
    static let callback = "http://127.0.0.1:5000/callback"
    static let verifier = "verifier-verifier-verifier-verifier-verifier"

    /// The S256 challenge of `verifier`.
    static var challenge: String {
        Base64URL.encode(SHA256.digest(of: verifier.utf8Span.span).bytes.span)
    }

    var now = 1_700_000_000
    var server: AuthorizationServer
    let key: SigningKey
    private var draws: UInt8 = 0

    init(issuer: String = "http://127.0.0.1:8081") throws {
        key = try SigningKey(generating: .ellipticCurve(.p256))
        server = AuthorizationServer(
            issuer: issuer,
            resources: [
                DevelopmentConfiguration.Resource(
                    identifier: Self.files,
                    scopes: ["files:read", "files:write"],
                    defaultScopes: ["files:read"]
                ),
                DevelopmentConfiguration.Resource(identifier: Self.calendar),
            ],
            tokens: try #require(TokenIssuer(issuer: issuer, key: key))
        )
    }

    mutating func send(
        _ method: String,
        _ path: String,
        query: String = "",
        fields: [(String, String)] = [],
        body: String = ""
    ) -> ExchangeResponse {
        let request = ExchangeRequest(
            method: method,
            path: path,
            query: query,
            fields: fields.map { ExchangeRequest.Field(name: $0.0, value: $0.1) },
            body: Array(body.utf8)
        )
        draws += 1
        var random = RandomTokens((0..<UInt8(RandomTokens.byteCount)).map { $0 ^ draws })
        return server.respond(to: request, at: now, random: &random)
    }

    mutating func postToken(_ parameters: [(String, String)], basic: String? = nil) -> ExchangeResponse {
        var fields = [("content-type", "application/x-www-form-urlencoded")]
        if let basic { fields.append(("authorization", basic)) }
        return send("POST", "/token", fields: fields, body: Self.form(parameters))
    }

    mutating func register(_ metadata: String) -> ExchangeResponse {
        send("POST", "/register", fields: [("content-type", "application/json")], body: metadata)
    }

    /// A good authorization request of the client demo, with some parameters replaced; nil leaves one out.
    mutating func authorize(_ changes: [(String, String?)] = []) -> ExchangeResponse {
        var parameters: [(String, String)] = [
            ("response_type", "code"), ("client_id", "demo"), ("redirect_uri", Self.callback),
            ("code_challenge", Self.challenge), ("code_challenge_method", "S256"), ("state", "a b&c"),
            ("resource", Self.files),
        ]
        Self.apply(changes, to: &parameters)
        return send("GET", "/authorize", query: Self.form(parameters))
    }

    /// A good exchange of `code`, with some parameters replaced; nil leaves one out.
    mutating func exchange(_ code: String, _ changes: [(String, String?)] = []) -> ExchangeResponse {
        var parameters: [(String, String)] = [
            ("grant_type", "authorization_code"), ("client_id", "demo"), ("client_secret", "demo"),
            ("code", code), ("redirect_uri", Self.callback), ("code_verifier", Self.verifier),
            ("resource", Self.files),
        ]
        Self.apply(changes, to: &parameters)
        return postToken(parameters)
    }

    /// A fresh code for the client demo at `files`.
    mutating func code() throws -> String {
        try #require(authorize().redirectParameters["code"])
    }

    static func apply(_ changes: [(String, String?)], to parameters: inout [(String, String)]) {
        for (name, value) in changes {
            parameters.removeAll { $0.0 == name }
            if let value { parameters.append((name, value)) }
        }
    }

    static func form(_ parameters: [(String, String)]) -> String {
        parameters.map { "\($0.0)=\(FormParameters.encode($0.1))" }.joined(separator: "&")
    }
}

extension ExchangeResponse {
    /// The body as text, empty for a stream.
    var text: String {
        guard case .bytes(let bytes) = content else { return "" }
        return String(lossy: bytes.span)
    }

    /// The body as a JSON object, nil if it is none.
    var object: JSONObject? {
        let text = text
        return (try? JSONReader.read(text.utf8Span.span))?.object
    }

    /// The member `error` of the body.
    var error: String? { object?["error"]?.string }

    func field(_ name: String) -> String? {
        fields.first { $0.name == name }?.value
    }

    /// The parameters that a redirect adds to the client's address.
    var redirectParameters: [String: String] {
        let query = (field("location") ?? "").drop { $0 != "?" }.dropFirst()
        var parameters: [String: String] = [:]
        for pair in query.split(separator: "&") {
            let halves = pair.split(separator: "=", maxSplits: 1)
            guard halves.count == 2 else { continue }
            parameters[String(halves[0])] = FormParameters.decode(halves[1])
        }
        return parameters
    }
}
