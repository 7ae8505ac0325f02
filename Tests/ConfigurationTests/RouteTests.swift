// Every rule that one route can break alone: one row each.

import Testing

@Suite struct RouteTests {
    private static func resource(_ resource: String) -> String {
        Sample.file(routes: #"{ "resource": §"\#(resource)", \#(Sample.target) }"#)
    }

    @Test(arguments: [
        Expectation("/routes", "There is no route", Sample.file(routes: "").replacing("[  ]", with: "§[]")),
        Expectation(
            "/routes",
            "Write a list of routes",
            Sample.file(routes: "x").replacing("[ x ]", with: "§{}")
        ),
        Expectation("/routes/0", "Write a route as an object", Sample.file(routes: "§null")),
        Expectation("/routes/0", "\"resource\" is missing", Sample.file(routes: "§{ \(Sample.target) }")),
        Expectation(
            "/routes/0",
            "\"issuer\" is missing",
            Sample.file(routes: #"§{ "resource": "https://a/b", "upstream": "http://a" }"#)
        ),
        Expectation(
            "/routes/0",
            "\"upstream\" is missing",
            Sample.file(routes: #"§{ "resource": "https://a/b", "issuer": "corp" }"#)
        ),
        Expectation("/routes/0/scope", "Did you mean \"scopes\"?", Sample.route(#"§"scope": []"#)),
        Expectation(
            "/routes/0/audienceAliases",
            "Did you mean \"audience_aliases\"?",
            Sample.route(#"§"audienceAliases": []"#)
        ),
        Expectation("/routes/0/subpaths", "Write true or false", Sample.route(#""subpaths": §"yes""#)),
        Expectation("/routes/0/scopes", "Write a list of scopes", Sample.route(#""scopes": §"a""#)),
        Expectation(
            "/routes/0/scopes/0",
            "Write one scope in each string",
            Sample.route(#""scopes": [§"a b"]"#)
        ),
        Expectation("/routes/0/scopes/0", "not a scope", Sample.route(#""scopes": [§""]"#)),
        Expectation("/routes/0/scopes/0", "not a scope", Sample.route(#""scopes": [§"a\"b"]"#)),
        Expectation(
            "/routes/0/scopes/1",
            "offline_access is not a scope of a resource",
            Sample.route(#""scopes": ["a", §"offline_access"]"#)
        ),
        Expectation(
            "/routes/0/scopes/1",
            "Null cannot stand here",
            Sample.route(#""scopes": ["a", §null]"#)
        ),
        Expectation(
            "/routes/0/audience_aliases/0",
            "holds a wildcard",
            Sample.route(#""audience_aliases": [§"https://*.example.com"]"#)
        ),
        Expectation(
            "/routes/0/audience_aliases/0",
            "not an audience",
            Sample.route(#""audience_aliases": [§"a b"]"#)
        ),
        Expectation(
            "/routes/0/origins/0",
            "let every page use the route",
            Sample.route(#""origins": [§"*"]"#)
        ),
        Expectation(
            "/routes/0/origins/0",
            "let every page use the route",
            Sample.route(#""origins": [§"null"]"#)
        ),
        Expectation(
            "/routes/0/origins/0",
            "not an origin",
            Sample.route(#""origins": [§"https://app.example.com/"]"#)
        ),
        Expectation(
            "/routes/0/origins/0",
            "not an origin",
            Sample.route(#""origins": [§"https://App.example.com"]"#)
        ),
        Expectation(
            "/routes/0/origins/0",
            "not an origin",
            Sample.route(#""origins": [§"https://app.example.com:443"]"#)
        ),
        Expectation(
            "/routes/0/origins/0",
            "not an origin",
            Sample.route(#""origins": [§"app.example.com"]"#)
        ),
        Expectation("/routes/0/match", "matching place is empty", Sample.route(#""match": §{}"#)),
        Expectation(
            "/routes/0/match/host",
            "not a host",
            Sample.route(#""match": { "host": §"A.example" }"#)
        ),
        Expectation(
            "/routes/0/match/host",
            "not a host",
            Sample.route(#""match": { "host": §"*.example" }"#)
        ),
        Expectation(
            "/routes/0/match/host",
            "default port",
            Sample.route(#""match": { "host": §"a.example:443" }"#)
        ),
        Expectation(
            "/routes/0/match/path",
            "not a canonical path",
            Sample.route(#""match": { "path": §"/a//b" }"#)
        ),
        Expectation(
            "/routes/0/metadata/resource",
            "follows from the route",
            Sample.route(#""metadata": { §"resource": "https://b/c" }"#)
        ),
        Expectation(
            "/routes/0/metadata/authorization_servers",
            "follows from the route",
            Sample.route(#""metadata": { §"authorization_servers": ["a"] }"#)
        ),
        Expectation(
            "/routes/0/metadata/signed_metadata",
            "follows from the route",
            Sample.route(#""metadata": { §"signed_metadata": "a" }"#)
        ),
        Expectation(
            "/routes/0/metadata/resource_name",
            "without a value may not appear",
            Sample.route(#""metadata": { "resource_name": §null }"#)
        ),
        Expectation(
            "/routes/0/metadata/resource_name",
            "may not appear",
            Sample.route(#""metadata": { "resource_name": §"" }"#)
        ),
        Expectation("/routes/0/metadata/a", "may not appear", Sample.route(#""metadata": { "a": §[] }"#)),
    ])
    func `refuses a wrong route`(_ row: Expectation) { row.expectRefusal() }

    @Test(arguments: [
        Expectation(
            "/routes/0/issuer",
            "there are no open routes",
            Sample.file(routes: #"{ "resource": "https://a/b", "issuer": §[], "upstream": "http://a" }"#)
        ),
        Expectation(
            "/routes/0/issuer",
            "Did you mean \"corp\"?",
            Sample.file(routes: #"{ "resource": "https://a/b", "issuer": §"crop", "upstream": "http://a" }"#)
        ),
        Expectation(
            "/routes/0/issuer/1",
            "Add it to \"issuers\"",
            Sample.file(
                routes:
                    #"{ "resource": "https://a/b", "issuer": ["corp", §"partner"], "upstream": "http://a" }"#
            )
        ),
        Expectation(
            "/routes/0/issuer",
            "the name of an issuer",
            Sample.file(routes: #"{ "resource": "https://a/b", "issuer": §null, "upstream": "http://a" }"#)
        ),
        Expectation(
            "/routes/0/issuer",
            "Add it to \"issuers\"",
            #"{ "listeners": [\#(Sample.listener)], "routes": [{ "resource": "https://a/b", "issuer": §"corp", "upstream": "http://a" }] }"#
        ),
    ])
    func `refuses a route without a known issuer`(_ row: Expectation) { row.expectRefusal() }

    @Test(arguments: [
        Expectation("/routes/0/resource", "not an absolute https URI", resource("mcp.example.com/files")),
        Expectation("/routes/0/resource", "not an absolute https URI", resource("urn:example:files")),
        Expectation("/routes/0/resource", "has a fragment", resource("https://a.example/b#c")),
        Expectation("/routes/0/resource", "has a query", resource("https://a.example/b?c")),
        Expectation("/routes/0/resource", "user name", resource("https://u:p@a.example/b")),
        Expectation(
            "/routes/0/resource",
            "Write \"https://a.example/c\"",
            resource("https://a.example/b/../c")
        ),
        Expectation(
            "/routes/0/resource",
            "reserved path",
            resource("https://a.example/b/.WELL-known/c")
        ),
        Expectation("/routes/0/resource", "two ways", resource("https://a.example/b%2Fc")),
        Expectation("/routes/0/resource", "malformed host", resource("https://a.example:0/b")),
        Expectation("/routes/0/resource", "malformed host", resource("https:///b")),
        Expectation("/routes/0/resource", "http resource off loopback", resource("http://a.example/b")),
        Expectation("/routes/0/resource", "holds a wildcard", resource("https://a.example/*")),
        Expectation("/routes/0/resource", "Write \"https://a.example/b\"", resource("https://A.example/b")),
        Expectation("/routes/0/resource", "Write \"https://a.example/b\"", resource("HTTPS://a.example/b")),
        Expectation(
            "/routes/0/resource",
            "Write \"https://a.example/b\"",
            resource("https://a.example:443/b")
        ),
        Expectation("/routes/0/resource", "Write \"https://a.example/b\"", resource("https://a.example/b/")),
        Expectation("/routes/0/resource", "Write \"https://a.example\"", resource("https://a.example/")),
        Expectation(
            "/routes/0/resource",
            "Write the URI of the resource",
            resource("x").replacing("\"x\"", with: "1")
        ),
    ])
    func `refuses a resource that is not canonical`(_ row: Expectation) { row.expectRefusal() }

    @Test(arguments: [
        Expectation("/routes/0/upstream", "an http or https URL, or an object", Sample.upstream("§[]")),
        Expectation("/routes/0/upstream", "not an absolute URL", Sample.upstream(#"§"10.0.0.5:3001""#)),
        Expectation("/routes/0/upstream", "has a query", Sample.upstream(#"§"http://a/b?c""#)),
        Expectation("/routes/0/upstream", "has a fragment", Sample.upstream(#"§"http://a/b#c""#)),
        Expectation("/routes/0/upstream", "user name", Sample.upstream(#"§"http://u:p@a/b""#)),
        Expectation("/routes/0/upstream", "host or port", Sample.upstream(#"§"http://a:b/""#)),
        Expectation("/routes/0/upstream", "two ways", Sample.upstream(#"§"http://a/b/./c""#)),
        Expectation("/routes/0/upstream", "\"endpoints\" is missing", Sample.upstream("§{}")),
        Expectation(
            "/routes/0/upstream/endpoints",
            "The list is empty",
            Sample.upstream(#"{ "endpoints": §[] }"#)
        ),
        Expectation(
            "/routes/0/upstream/endpoints/1",
            "twice",
            Sample.upstream(#"{ "endpoints": ["http://a", §"http://a"] }"#)
        ),
        Expectation(
            "/routes/0/upstream/endpoints/0",
            "Write a string",
            Sample.upstream(#"{ "endpoints": [§1] }"#)
        ),
        Expectation(
            "/routes/0/upstream/credentials",
            "\"forward\" or \"strip\"",
            Sample.upstream(#"{ "endpoints": ["http://a"], "credentials": §"none" }"#)
        ),
        Expectation(
            "/routes/0/upstream/connect_timeout",
            "from 10ms to 1m",
            Sample.upstream(#"{ "endpoints": ["http://a"], "connect_timeout": §"2m" }"#)
        ),
        Expectation(
            "/routes/0/upstream/response_timeout",
            "from 10ms to 1d",
            Sample.upstream(#"{ "endpoints": ["http://a"], "response_timeout": §"25h" }"#)
        ),
        Expectation(
            "/routes/0/upstream/url",
            "unknown here",
            Sample.upstream(#"{ "endpoints": ["http://a"], §"url": "" }"#)
        ),
        Expectation(
            "/routes/0/upstream",
            "two slashes",
            Sample.upstream(#"§"http://a/b/", "subpaths": true"#)
        ),
    ])
    func `refuses a wrong upstream`(_ row: Expectation) { row.expectRefusal() }
}
