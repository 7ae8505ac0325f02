// The rules over all routes, audiences, issuers and listeners together: one row each.

import Configuration
import Testing

@Suite struct SetRuleTests {
    private static func resources(_ first: String, _ second: String) -> String {
        Sample.routes(#""resource": "\#(first)""#, #""resource": §"\#(second)""#)
    }

    @Test(arguments: [
        Expectation(
            "/routes/1/resource",
            "The route at gateway.json:4 has the same resource",
            resources("https://a/b", "https://a/b")
        ),
        Expectation(
            "/routes/1/resource",
            "\"https://a/b\" at gateway.json:4 only by case",
            resources("https://a/b", "https://a/B")
        ),
        Expectation("/routes/1/resource", "only by", resources("https://localhost/b", "http://localhost/b")),
        Expectation("/routes/1/resource", "only by", resources("https://a/b%2a", "https://a/b%2A")),
        Expectation("/routes/1/resource", "only by", resources("https://a/b!", "https://a/b%21")),
        Expectation(
            "/routes/1/resource",
            "same host and path",
            resources("http://localhost/b", "https://localhost:80/b")
        ),
        Expectation(
            "/routes/1/match",
            "The route at gateway.json:4 is reached at the same host and path",
            Sample.routes(
                #""resource": "https://a/b""#,
                #""resource": "https://c/d", "match": §{ "host": "a", "path": "/b" }"#
            )
        ),
        Expectation(
            "/routes/1/match",
            "same host and path",
            Sample.routes(
                #""resource": "https://a/b", "match": { "host": "i", "path": "/x" }"#,
                #""resource": "https://c/d", "match": §{ "host": "i", "path": "/x" }"#
            )
        ),
        Expectation(
            "/routes/1/resource",
            "same host and path",
            Sample.routes(
                #""resource": "https://a/b", "match": { "host": "c", "path": "/d" }"#,
                #""resource": §"https://c/d""#
            )
        ),
    ])
    func `refuses two routes at one place`(_ row: Expectation) { row.expectRefusal() }

    @Test(arguments: [
        "/.well-known/x", "/.well-known", "/authorize", "/token", "/token/x", "/register", "/revoke",
        "/oauth/callback",
        "/healthz", "/healthz/x",
    ])
    func `refuses a route at or below a reserved path`(_ path: String) {
        let text = #"{ "resource": §"https://a\#(path)", \#(Sample.target) }"#
        Expectation("/routes/0/resource", "The route is at or below \"/", Sample.file(routes: text))
            .expectRefusal()
        let match = Sample.route(#""match": §{ "path": "\#(path)" }"#)
        Expectation("/routes/0/match", "The route is at or below \"/", match).expectRefusal()
    }

    @Test func `takes a route whose path only begins like a reserved one`() {
        for path in ["/tokens", "/authorized", "/oauth2", "/healthzz"] {
            let text = Sample.file(routes: #"{ "resource": "https://a\#(path)", \#(Sample.target) }"#)
            #expect(diagnostics(of: text) == [])
        }
    }

    private static func aliases(_ first: String, _ second: String) -> String {
        Sample.routes(
            #""resource": "https://a/b", "audience_aliases": \#(first)"#,
            #""resource": "https://a/c", "audience_aliases": \#(second)"#
        )
    }

    @Test(arguments: [
        Expectation(
            "/routes/1/audience_aliases/0",
            "opens the route at gateway.json:4 already",
            aliases("[]", #"[§"https://a/b"]"#)
        ),
        Expectation(
            "/routes/1/audience_aliases/0",
            "opens the route at gateway.json:4 already",
            aliases(#"["https://x"]"#, #"[§"https://x"]"#)
        ),
        Expectation(
            "/routes/0/audience_aliases/0",
            "opens the route at gateway.json:5 already",
            aliases(#"[§"https://a/c"]"#, "[]")
        ),
        Expectation(
            "/routes/1/audience_aliases/0",
            "\"api\" is not a full URI, and the route at gateway.json:4",
            aliases(#"["api"]"#, #"[§"api"]"#)
        ),
        Expectation(
            "/routes/0/audience_aliases/0",
            "stands for this resource already",
            aliases(#"[§"https://a/b"]"#, "[]")
        ),
        Expectation(
            "/routes/1/audience_aliases/0",
            "looks like an audience of the route at gateway.json:4",
            aliases(#"["https://x/y"]"#, #"[§"https://X/y"]"#)
        ),
        Expectation(
            "/routes/1/audience_aliases/0",
            "looks like an audience of the route",
            aliases("[]", #"[§"https://a/b/"]"#)
        ),
        Expectation(
            "/routes/1/audience_aliases/0",
            "looks like an audience of the route",
            aliases("[]", #"[§"http://A:80/b"]"#)
        ),
        Expectation(
            "/routes/1/audience_aliases/0",
            "opens the route",
            Sample.routes(
                #""resource": "https://a""#,
                #""resource": "https://b/c", "audience_aliases": [§"https://a/"]"#
            )
        ),
        Expectation(
            "/issuers/corp/other_audiences/0",
            "would open two servers",
            Sample.issuer(#"\#(Sample.issuer), "other_audiences": [§"https://mcp.example.com/files"]"#)
        ),
        Expectation(
            "/issuers/corp/other_audiences/0",
            "audience of the route at gateway.json:4",
            Sample.file(
                issuers:
                    #"{ "corp": { \#(Sample.issuer), "max_token_lifetime": "1h", "other_audiences": [§"api"] } }"#,
                routes: #"{ "resource": "https://a/b", \#(Sample.target), "audience_aliases": ["api"] }"#
            )
        ),
    ])
    func `refuses an audience that opens two servers`(_ row: Expectation) { row.expectRefusal() }

    @Test(arguments: [
        Expectation(
            "/issuers/b/issuer",
            "The issuer at gateway.json:3 has the same \"iss\"",
            Sample.file(
                issuers:
                    #"{ "corp": { "max_token_lifetime": "1h", \#(Sample.issuer) }, "b": { "max_token_lifetime": "1h", "issuer": §"https://login.example.com", "keys": { "file": "k" } } }"#
            )
        ),
        Expectation(
            "/listeners/1/address",
            "The listener at gateway.json:2 has this address",
            Sample.file(listeners: #"{ "address": "[::1]:80" }, { "address": §"[0:0::1]:80" }"#)
        ),
        Expectation(
            "/listeners/1/address",
            "The listener at gateway.json:2 has this address",
            Sample.file(listeners: #"{ "address": "0.0.0.0:80" }, { "address": §"127.0.0.1:80" }"#)
        ),
    ])
    func `refuses two issuers or listeners that are the same`(_ row: Expectation) { row.expectRefusal() }

    @Test(arguments: [
        Expectation(
            "/listeners/0/address",
            "does not speak TLS",
            Sample.file(listeners: #"{ "address": §"0.0.0.0:8080" }"#, more: Sample.sessionKeys)
        ),
        Expectation(
            "/issuers/corp",
            "has no \"max_token_lifetime\"",
            Sample.file(issuers: #"{ "corp": §{ \#(Sample.issuer) } }"#)
        ),
        Expectation(
            "/routes/0/resource",
            "such as \"https://a/mcp\"",
            Sample.file(routes: #"{ "resource": §"https://a", \#(Sample.target) }"#)
        ),
        Expectation(
            "/routes/1/resource",
            "only a token for \"https://a/b/c/d\" opens it",
            resources("https://a/b", "https://a/b/c/d")
        ),
        Expectation(
            "/routes/0/resource",
            "lies below \"https://a/b\" at gateway.json:5",
            Sample.routes(#""resource": §"https://a/b/c""#, #""resource": "https://a/b""#)
        ),
        Expectation("/include/0", "matches no file", Sample.root(#""include": [§"*.json"]"#)),
    ])
    func `warns, and loads all the same`(_ row: Expectation) throws {
        let configuration = try ConfigurationLoader.compile(source(row.text), beside: Sample.surroundings())
        #expect(configuration.warnings.count == 1)
        let warning = try #require(configuration.warnings.first)
        #expect(row.matches(warning), "\(warning.text), expected at \(row.line):\(row.column)")
        #expect(warning.severity == .warning)
    }

    @Test func `does not take a sibling with a longer name for a route below`() {
        #expect(diagnostics(of: Self.resources("https://a/b", "https://a/bc").replacing("§", with: "")) == [])
    }
}
