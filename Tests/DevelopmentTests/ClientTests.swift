// Clients: registration, metadata documents, and where codes may go.

import JSON
import Testing

@testable import Development

@Suite struct `Clients` {
    @Test func `register with a secret unless they ask for none`() throws {
        var fixture = try AuthorizationFixture()
        let confidential = fixture.register(#"{"redirect_uris":["http://127.0.0.1/cb"],"client_name":"x"}"#)
        #expect(confidential.status == 201)
        #expect(confidential.object?["client_secret"]?.string?.isEmpty == false)
        #expect(confidential.object?["client_secret_expires_at"]?.number?.integer == 0)
        #expect(confidential.object?["client_name"]?.string == "x")
        let metadata = #"{"redirect_uris":["http://127.0.0.1/cb"],"token_endpoint_auth_method":"none"}"#
        let open = fixture.register(metadata)
        #expect(open.object?["client_secret"] == nil)
        #expect(open.object?["client_id"]?.string != confidential.object?["client_id"]?.string)
    }

    @Test func `get codes at their own redirects, on loopback with any port`() throws {
        var fixture = try AuthorizationFixture()
        let metadata = #"{"redirect_uris":["http://127.0.0.1/cb"],"token_endpoint_auth_method":"none"}"#
        let id = try #require(fixture.register(metadata).object?["client_id"]?.string)
        let uri = "http://127.0.0.1:41234/cb"
        let response = fixture.authorize([("client_id", id), ("redirect_uri", uri)])
        let code = try #require(response.redirectParameters["code"])
        let changes = [("client_id", id), ("client_secret", nil), ("redirect_uri", uri)]
        let token = fixture.exchange(code, changes)
        #expect(token.status == 200)
        #expect(token.object?["refresh_token"] == nil, "it did not register for refresh tokens")
        let elsewhere = [("client_id", id), ("redirect_uri", "http://127.0.0.1:41234/other")]
        #expect(fixture.authorize(elsewhere).status == 400)
    }

    @Test func `use only the grants that they registered for`() throws {
        var fixture = try AuthorizationFixture()
        let metadata = #"{"redirect_uris":["http://127.0.0.1/cb"]}"#
        let client = try #require(fixture.register(metadata).object)
        let parameters = [
            ("grant_type", "client_credentials"), ("client_id", client["client_id"]?.string ?? ""),
            ("client_secret", client["client_secret"]?.string ?? ""),
            ("resource", AuthorizationFixture.files),
        ]
        #expect(fixture.postToken(parameters).error == "unauthorized_client")
    }

    @Test(arguments: [
        ("[]", "invalid_client_metadata"), ("{", "invalid_client_metadata"),
        ("{}", "invalid_redirect_uri"), (#"{"redirect_uris":[]}"#, "invalid_redirect_uri"),
        (#"{"redirect_uris":[1]}"#, "invalid_redirect_uri"),
        (#"{"redirect_uris":["http://example.com/cb"]}"#, "invalid_redirect_uri"),
        (#"{"redirect_uris":["https://a.example/#x"]}"#, "invalid_redirect_uri"),
        (#"{"redirect_uris":["https://a.example/"],"grant_types":["password"]}"#, "invalid_client_metadata"),
        (#"{"redirect_uris":["https://a.example/"],"response_types":["token"]}"#, "invalid_client_metadata"),
        (
            #"{"redirect_uris":["https://a.example/"],"token_endpoint_auth_method":"private_key_jwt"}"#,
            "invalid_client_metadata"
        ),
    ])
    func `are not registered with metadata that cannot work`(_ metadata: String, _ error: String) throws {
        var fixture = try AuthorizationFixture()
        #expect(fixture.register(metadata).error == error)
    }

    static let address = "http://127.0.0.1:9/client.json"

    @Test func `may be named by a metadata document on this machine, which is fetched first`() throws {
        var fixture = try AuthorizationFixture()
        let request = ExchangeRequest(
            method: "GET",
            path: "/authorize",
            query: "client_id=" + FormParameters.encode(Self.address),
            fields: [],
            body: []
        )
        let needed = try #require(fixture.server.documentNeeded(for: request, at: fixture.now))
        #expect(needed.port == 9)
        #expect(needed.target == "/client.json")
        let document = #"{"client_id":"\#(Self.address)","redirect_uris":["http://127.0.0.1/cb"]}"#
        try fixture.server.admit(Array(document.utf8), from: needed, at: fixture.now)
        #expect(fixture.server.documentNeeded(for: request, at: fixture.now) == nil)
        let changes = [("client_id", Self.address), ("redirect_uri", "http://127.0.0.1:1/cb")]
        #expect(fixture.authorize(changes).redirectParameters["code"] != nil)
        fixture.now += AuthorizationServer.documentLifetime
        #expect(fixture.server.documentNeeded(for: request, at: fixture.now) == needed)
    }

    @Test(arguments: [
        "{", "{}", #"{"client_id":"http://127.0.0.1:9/other.json","redirect_uris":["http://127.0.0.1/cb"]}"#,
        #"{"client_id":"http://127.0.0.1:9/client.json"}"#,
        #"{"client_id":"http://127.0.0.1:9/client.json","redirect_uris":["http://127.0.0.1/cb"],"#
            + #""token_endpoint_auth_method":"client_secret_post"}"#,
    ])
    func `are not taken from a document that does not describe them`(_ document: String) throws {
        var fixture = try AuthorizationFixture()
        let address = try #require(ClientDocumentAddress(Self.address))
        #expect(throws: OAuthError.self) {
            try fixture.server.admit(Array(document.utf8), from: address, at: fixture.now)
        }
        #expect(fixture.authorize([("client_id", Self.address)]).error == "invalid_client")
    }

    @Test(arguments: [
        "https://127.0.0.1/c.json", "http://example.com/c.json", "http://127.0.0.1.example/c.json",
        "http://127.0.0.1@example.com/c.json", "http://127.0.0.1:80@example.com/c.json", "http://127.0.0.1",
        "http://127.0.0.1/", "http://127.0.0.1:+80/c", "http://127.0.0.1:99999/c", "http://[::2]/c",
        "http://127.0.0.1/c\r\nx: y", "http://169.254.169.254/latest", "http://[::1]x/c", "demo", "",
    ])
    func `have documents on loopback only`(_ text: String) {
        #expect(ClientDocumentAddress(text) == nil)
    }

    @Test(arguments: [
        "https://a.example/cb", "http://localhost/cb", "http://[::1]:80/cb?x=y", "http://127.0.0.1",
        "cursor://anysphere.cursor-mcp/oauth/callback", "com.example.app:/callback",
    ])
    func `may redirect to`(_ text: String) {
        #expect(RedirectURI(text) != nil)
    }

    @Test(arguments: [
        "", "callback", "/callback", "https:a.example", "http://a.example/", "https://a.example/#",
        "http://127.0.0.1\\@a.example/", "http://127.0.0.1:x/", "javascript:alert(1)", "JavaScript:alert(1)",
        "data:text/html,x", "file:///etc/passwd", "https://a.example/ b", "https://a.example/\r\nx: y",
        "1a://b", "a:", String(repeating: "a", count: 2050),
    ])
    func `may not redirect to`(_ text: String) {
        #expect(RedirectURI(text) == nil)
    }

    @Test(arguments: [
        ("http://127.0.0.1/cb", "http://127.0.0.1:1/cb", true),
        ("http://127.0.0.1:5/cb", "http://127.0.0.1:6/cb", true),
        ("http://localhost/cb", "http://127.0.0.1/cb", false),
        ("http://127.0.0.1/cb", "http://127.0.0.1/cb/", false),
        ("http://127.0.0.1/cb", "http://127.0.0.1/cb?x", false),
        ("https://a.example/cb", "https://a.example/cb", true),
        ("https://a.example/cb", "https://a.example:444/cb", false),
        ("https://a.example/cb", "https://A.example/cb", false),
    ])
    func `have redirects that are compared exactly but for a loopback port`(
        _ registered: String,
        _ requested: String,
        _ matches: Bool
    ) throws {
        let own = try #require(RedirectURI(registered))
        #expect(own.matches(try #require(RedirectURI(requested))) == matches)
    }

    @Test func `make room for the newest when there are too many`() {
        var store = BoundedStore<Int>(capacity: 2)
        for number in 1...3 { store.insert(number, for: "\(number)", until: 10) }
        #expect(store.value(for: "1", at: 0) == nil)
        #expect(store.value(for: "2", at: 0) == 2)
        #expect(store.value(for: "3", at: 9) == 3)
        #expect(store.value(for: "3", at: 10) == nil)
        #expect(store.take("3", at: 9) == 3)
        #expect(store.take("3", at: 9) == nil)
    }
}
