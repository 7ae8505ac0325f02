// The token endpoint: what a token says, and everything that does not lead to one.

import Bytes
import JSON
import OpenSSL
import Testing

@testable import Development

@Suite struct `The token endpoint` {
    private func claims(_ token: String?) throws -> JSONObject {
        let parts = try #require(token).split(separator: ".")
        let payload = try #require(Base64URL.decode(String(parts[1])))
        return try #require(try JSONReader.read(payload.span).object)
    }

    @Test func `gives a token for exactly the resource that was named`() throws {
        var fixture = try AuthorizationFixture()
        let response = fixture.exchange(try fixture.code())
        #expect(response.status == 200)
        #expect(response.object?["token_type"]?.string == "Bearer")
        #expect(response.object?["scope"]?.string == "files:read")
        #expect(response.object?["expires_in"]?.number?.integer == 600)
        let claims = try claims(response.object?["access_token"]?.string)
        #expect(claims["aud"]?.string == AuthorizationFixture.files)
        #expect(claims["iss"]?.string == "http://127.0.0.1:8081")
        #expect(claims["sub"]?.string == "developer")
        #expect(claims["client_id"]?.string == "demo")
        #expect(claims["iat"]?.number?.integer == fixture.now)
        #expect(claims["exp"]?.number?.integer == fixture.now + 600)
        #expect(claims["jti"]?.string?.isEmpty == false)
    }

    @Test func `signs tokens with the key of its key set`() throws {
        var fixture = try AuthorizationFixture()
        let keys = fixture.send("GET", "/jwks").object?["keys"]?.array
        let published = try #require(keys?.first?.object)
        let x = try #require(published["x"]?.string.flatMap { Base64URL.decode($0) })
        let y = try #require(published["y"]?.string.flatMap { Base64URL.decode($0) })
        let key = try PublicKey(.ellipticCurve(.p256, x: x, y: y))
        let response = fixture.exchange(try fixture.code())
        let token = try #require(response.object?["access_token"]?.string)
        let parts = token.split(separator: ".").map(String.init)
        let header = try #require(Base64URL.decode(parts[0]))
        let head = try #require(try JSONReader.read(header.span).object)
        #expect(head["typ"]?.string == "at+jwt")
        #expect(head["alg"]?.string == "ES256")
        #expect(head["kid"]?.string == published["kid"]?.string)
        let signature = try #require(Base64URL.decode(parts[2]))
        let message = parts[0] + "." + parts[1]
        let isValid = key.verifies(signature.span, of: message.utf8Span.span, by: .ecdsa(.sha256))
        #expect(isValid)
    }

    static let rows = [
        OAuthRow(changes: [("code", nil)], error: "invalid_request"),
        OAuthRow(changes: [("code", "unknown")], error: "invalid_grant"),
        OAuthRow(changes: [("code_verifier", nil)], error: "invalid_request"),
        OAuthRow(
            changes: [("code_verifier", "other-other-other-other-other-other-other-o")],
            error: "invalid_grant"
        ),
        OAuthRow(changes: [("code_verifier", "short")], error: "invalid_grant"),
        OAuthRow(changes: [("redirect_uri", nil)], error: "invalid_request"),
        OAuthRow(changes: [("redirect_uri", "http://127.0.0.1:5001/callback")], error: "invalid_grant"),
        OAuthRow(changes: [("resource", nil)], error: "invalid_target"),
        OAuthRow(changes: [("resource", AuthorizationFixture.calendar)], error: "invalid_target"),
        OAuthRow(changes: [("resource", "http://127.0.0.1:8080/other")], error: "invalid_target"),
        OAuthRow(changes: [("grant_type", nil)], error: "invalid_request"),
        OAuthRow(changes: [("grant_type", "password")], error: "unsupported_grant_type"),
        OAuthRow(changes: [("client_secret", "wrong")], error: "invalid_client"),
        OAuthRow(changes: [("client_secret", nil)], error: "invalid_client"),
        OAuthRow(changes: [("client_id", "nobody")], error: "invalid_client"),
        OAuthRow(changes: [("client_id", nil)], error: "invalid_client"),
        OAuthRow(
            changes: [("client_id", "https://client.example/c.json"), ("client_secret", nil)],
            error: "invalid_grant"
        ),
    ]

    @Test(arguments: rows)
    func `refuses what does not fit the code`(_ row: OAuthRow) throws {
        var fixture = try AuthorizationFixture()
        let response = fixture.exchange(try fixture.code(), row.changes)
        #expect(response.error == row.error)
        #expect(response.status == (row.error == "invalid_client" ? 401 : 400))
        #expect((response.field("www-authenticate") != nil) == (row.error == "invalid_client"))
        #expect(response.field("cache-control") == "no-store")
    }

    @Test func `takes a code once, and ends the tokens of a code that comes again`() throws {
        var fixture = try AuthorizationFixture()
        let code = try fixture.code()
        let first = fixture.exchange(code)
        let refreshToken = try #require(first.object?["refresh_token"]?.string)
        #expect(fixture.exchange(code).error == "invalid_grant")
        #expect(refresh(&fixture, refreshToken).error == "invalid_grant")
    }

    @Test(arguments: [(59, 200), (60, 400)])
    func `takes a code for a minute`(_ age: Int, _ status: Int) throws {
        var fixture = try AuthorizationFixture()
        let code = try fixture.code()
        fixture.now += age
        #expect(fixture.exchange(code).status == status)
    }

    private func refresh(
        _ fixture: inout AuthorizationFixture,
        _ token: String,
        _ changes: [(String, String?)] = []
    ) -> ExchangeResponse {
        var parameters = [
            ("grant_type", "refresh_token"), ("client_id", "demo"), ("client_secret", "demo"),
            ("refresh_token", token), ("resource", AuthorizationFixture.files),
        ]
        AuthorizationFixture.apply(changes, to: &parameters)
        return fixture.postToken(parameters)
    }

    @Test func `rotates refresh tokens, each of which works once`() throws {
        var fixture = try AuthorizationFixture()
        let first = try #require(fixture.exchange(try fixture.code()).object?["refresh_token"]?.string)
        let renewed = refresh(&fixture, first)
        #expect(renewed.status == 200)
        #expect(renewed.object?["refresh_token"]?.string != first)
        #expect(refresh(&fixture, first).error == "invalid_grant")
    }

    @Test(arguments: [
        OAuthRow(changes: [("resource", AuthorizationFixture.calendar)], error: "invalid_target"),
        OAuthRow(changes: [("resource", nil)], error: "invalid_target"),
        OAuthRow(changes: [("scope", "files:read files:write")], error: "invalid_scope"),
        OAuthRow(changes: [("refresh_token", nil)], error: "invalid_request"),
    ])
    func `does not widen a grant by a refresh, and keeps the token after a refusal`(_ row: OAuthRow) throws {
        var fixture = try AuthorizationFixture()
        let token = try #require(fixture.exchange(try fixture.code()).object?["refresh_token"]?.string)
        #expect(refresh(&fixture, token, row.changes).error == row.error)
        #expect(refresh(&fixture, token).status == 200)
    }

    static let demo = [
        ("grant_type", "client_credentials"), ("client_id", "demo"), ("client_secret", "demo"),
    ]

    @Test func `gives the walk-through's client a token for its credentials`() throws {
        var fixture = try AuthorizationFixture()
        let response = fixture.postToken(Self.demo + [("resource", AuthorizationFixture.calendar)])
        #expect(response.status == 200)
        #expect(response.object?["refresh_token"] == nil)
        let claims = try claims(response.object?["access_token"]?.string)
        #expect(claims["sub"]?.string == "demo")
        #expect(claims["aud"]?.string == AuthorizationFixture.calendar)
        #expect(claims["scope"] == nil)
    }

    @Test(
        arguments: [
            (nil, "files:read"), ("files:write", "files:write"),
            ("files:write files:read mail", "files:read files:write"),
        ] as [(String?, String)]
    )
    func `grants what is both asked for and there`(_ asked: String?, _ granted: String) throws {
        var fixture = try AuthorizationFixture()
        var parameters = Self.demo + [("resource", AuthorizationFixture.files)]
        if let asked { parameters.append(("scope", asked)) }
        #expect(fixture.postToken(parameters).object?["scope"]?.string == granted)
    }

    /// A field, and whether it proves the client demo.
    static let basic: [(String, Int)] = [
        ("Basic ZGVtbzpkZW1v", 200), ("basic ZGVtbzpkZW1v", 200), ("Basic ZGVtbzp3cm9uZw==", 401),
        ("Basic ZGVtbw==", 400), ("Basic ZGVtbzpkZW1v=", 400), ("Basic", 400), ("Bearer ZGVtbzpkZW1v", 400),
    ]

    @Test(arguments: basic)
    func `reads Basic credentials strictly`(_ field: String, _ status: Int) throws {
        var fixture = try AuthorizationFixture()
        let parameters = [("grant_type", "client_credentials"), ("resource", AuthorizationFixture.files)]
        #expect(fixture.postToken(parameters, basic: field).status == status)
    }

    @Test func `refuses credentials in two places`() throws {
        var fixture = try AuthorizationFixture()
        let parameters = Self.demo + [("resource", AuthorizationFixture.files)]
        #expect(fixture.postToken(parameters, basic: "Basic ZGVtbzpkZW1v").error == "invalid_request")
    }

    @Test(arguments: ["grant_type=%zz", "grant_type=%ff", String(repeating: "a=b&", count: 65)])
    func `refuses malformed forms`(_ body: String) throws {
        var fixture = try AuthorizationFixture()
        let fields = [("content-type", "application/x-www-form-urlencoded")]
        #expect(fixture.send("POST", "/token", fields: fields, body: body).error == "invalid_request")
        #expect(fixture.send("POST", "/token", body: "grant_type=x").error == "invalid_request")
    }
}
