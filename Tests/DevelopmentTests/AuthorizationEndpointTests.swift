// The authorization endpoint: what redirects with a code, what with an error, and what does not redirect.

import JSON
import Testing

@testable import Development

/// Changes to a good request, and the error that they cause.
struct OAuthRow: Sendable, CustomTestStringConvertible {
    let changes: [(String, String?)]
    let error: String
    var testDescription: String { "\(changes) → \(error)" }
}

@Suite struct `The authorization endpoint` {
    @Test func `redirects a good request with code, state and iss`() throws {
        var fixture = try AuthorizationFixture()
        let response = fixture.authorize()
        #expect(response.status == 302)
        #expect(response.field("location")?.hasPrefix(AuthorizationFixture.callback + "?") == true)
        let parameters = response.redirectParameters
        #expect(parameters["code"]?.isEmpty == false)
        #expect(parameters["state"] == "a b&c")
        #expect(parameters["iss"] == "http://127.0.0.1:8081")
    }

    static let redirected = [
        OAuthRow(changes: [("response_type", "token")], error: "unsupported_response_type"),
        OAuthRow(changes: [("response_type", nil)], error: "invalid_request"),
        OAuthRow(changes: [("code_challenge", nil)], error: "invalid_request"),
        OAuthRow(changes: [("code_challenge_method", "plain")], error: "invalid_request"),
        OAuthRow(changes: [("code_challenge_method", nil)], error: "invalid_request"),
        OAuthRow(changes: [("code_challenge", "short")], error: "invalid_request"),
        OAuthRow(
            changes: [("code_challenge", String(repeating: "!", count: 43))],
            error: "invalid_request"
        ),
        OAuthRow(changes: [("resource", nil)], error: "invalid_target"),
        OAuthRow(changes: [("resource", "http://127.0.0.1:8080/other")], error: "invalid_target"),
        OAuthRow(changes: [("resource", "http://127.0.0.1:8080/files/")], error: "invalid_target"),
        OAuthRow(changes: [("resource", "HTTP://127.0.0.1:8080/files")], error: "invalid_target"),
        OAuthRow(changes: [("scope", "mail:read")], error: "invalid_scope"),
    ]

    @Test(arguments: redirected)
    func `sends errors back to the client, with state and iss`(_ row: OAuthRow) throws {
        var fixture = try AuthorizationFixture()
        let response = fixture.authorize(row.changes)
        #expect(response.status == 302)
        #expect(response.redirectParameters["error"] == row.error)
        #expect(response.redirectParameters["code"] == nil)
        #expect(response.redirectParameters["state"] == "a b&c")
        #expect(response.redirectParameters["iss"] == "http://127.0.0.1:8081")
    }

    static let shown = [
        OAuthRow(changes: [("client_id", nil)], error: "invalid_request"),
        OAuthRow(changes: [("client_id", "nobody")], error: "invalid_client"),
        OAuthRow(changes: [("client_id", "http://example.com/client.json")], error: "invalid_client"),
        OAuthRow(changes: [("redirect_uri", nil)], error: "invalid_request"),
        OAuthRow(changes: [("redirect_uri", "https://evil.example/callback")], error: "invalid_request"),
        OAuthRow(changes: [("redirect_uri", "http://127.0.0.1@evil.example/")], error: "invalid_request"),
        OAuthRow(changes: [("redirect_uri", "javascript:alert(1)")], error: "invalid_request"),
    ]

    @Test(arguments: shown)
    func `shows errors where the redirect is not to be trusted`(_ row: OAuthRow) throws {
        var fixture = try AuthorizationFixture()
        let response = fixture.authorize(row.changes)
        #expect(response.status == 400)
        #expect(response.error == row.error)
        #expect(response.field("location") == nil)
        #expect(response.field("www-authenticate") == nil)
    }

    @Test func `refuses two resources`() throws {
        var fixture = try AuthorizationFixture()
        let response = fixture.authorize([("extra", "1&resource=x")])
        #expect(response.status == 302)
        var query = AuthorizationFixture.form([
            ("response_type", "code"), ("client_id", "demo"), ("redirect_uri", AuthorizationFixture.callback),
            ("code_challenge", AuthorizationFixture.challenge), ("code_challenge_method", "S256"),
            ("resource", AuthorizationFixture.files),
        ])
        query += "&resource=" + FormParameters.encode(AuthorizationFixture.calendar)
        let refused = fixture.send("GET", "/authorize", query: query)
        #expect(refused.redirectParameters["error"] == "invalid_target")
    }

    @Test func `refuses a client that is named twice`() throws {
        var fixture = try AuthorizationFixture()
        let query = "client_id=demo&client_id=demo&redirect_uri=http%3A%2F%2F127.0.0.1%2F"
        #expect(fixture.send("GET", "/authorize", query: query).status == 400)
    }

    @Test func `takes an https client identifier unread, for redirects to this machine only`() throws {
        var fixture = try AuthorizationFixture()
        let id = "https://client.example/metadata.json"
        #expect(fixture.authorize([("client_id", id)]).redirectParameters["code"] != nil)
        let elsewhere = [("client_id", id), ("redirect_uri", "https://client.example/callback")]
        #expect(fixture.authorize(elsewhere).status == 400)
    }

    @Test(arguments: [("POST", "/authorize"), ("DELETE", "/token"), ("GET", "/register"), ("POST", "/jwks")])
    func `answers other methods with 405`(_ method: String, _ path: String) throws {
        var fixture = try AuthorizationFixture()
        let response = fixture.send(method, path)
        #expect(response.status == 405)
        #expect(response.field("allow")?.isEmpty == false)
    }

    @Test func `knows no other paths`() throws {
        var fixture = try AuthorizationFixture()
        for path in ["/", "/.well-known/openid-configuration", "/token/", "/TOKEN"] {
            #expect(fixture.send("GET", path).status == 404)
        }
    }

    @Test func `describes itself under the issuer's path`() throws {
        var fixture = try AuthorizationFixture(issuer: "http://127.0.0.1:8081/tenant")
        let metadata = fixture.send("GET", "/.well-known/oauth-authorization-server/tenant").object
        #expect(metadata?["issuer"]?.string == "http://127.0.0.1:8081/tenant")
        #expect(metadata?["token_endpoint"]?.string == "http://127.0.0.1:8081/tenant/token")
        #expect(metadata?["code_challenge_methods_supported"]?.strings == ["S256"])
        #expect(metadata?["authorization_response_iss_parameter_supported"]?.bool == true)
        #expect(metadata?["client_id_metadata_document_supported"]?.bool == true)
        #expect(metadata?["scopes_supported"]?.strings == ["files:read", "files:write"])
        #expect(fixture.send("GET", "/tenant/jwks").status == 200)
        #expect(fixture.send("GET", "/jwks").status == 404)
    }
}
