// What is missing is said to be missing.

import Testing

@Suite struct NotYetSupportedTests {
    @Test(arguments: [
        Expectation(
            "/admin",
            "\"admin\" is not yet supported",
            Sample.root(#"§"admin": { "address": "127.0.0.1:9901" }"#)
        ),
        Expectation(
            "/session_keys",
            "\"session_keys\" is not yet supported",
            Sample.root(#"§"session_keys": []"#)
        ),
        Expectation("/watch", "\"watch\" is not yet supported", Sample.root(#"§"watch": true"#)),
        Expectation(
            "/limits/streams_per_connection",
            "not yet supported",
            Sample.root(#""limits": { §"streams_per_connection": 1 }"#)
        ),
        Expectation("/listeners/0/tls", "\"tls\" is not yet supported", Sample.listener(#"§"tls": {}"#)),
        Expectation(
            "/listeners/0/proxy_protocol",
            "not yet supported",
            Sample.listener(#"§"proxy_protocol": []"#)
        ),
        Expectation("/routes/0/tools", "not yet supported", Sample.route(#"§"tools": {}"#)),
        Expectation("/routes/0/methods", "not yet supported", Sample.route(#"§"methods": {}"#)),
        Expectation("/routes/0/sessions", "not yet supported", Sample.route(#"§"sessions": "plain""#)),
        Expectation(
            "/routes/0/upstream",
            "https upstreams are not yet supported",
            Sample.upstream(#"§"https://a/b""#)
        ),
        Expectation(
            "/routes/0/upstream/endpoints/0",
            "https upstreams are not yet supported",
            Sample.upstream(#"{ "endpoints": [§"https://a/b"] }"#)
        ),
        Expectation(
            "/routes/0/upstream/tls",
            "not yet supported",
            Sample.upstream(#"{ "endpoints": ["http://a"], §"tls": {} }"#)
        ),
        Expectation(
            "/routes/0/upstream/http2",
            "not yet supported",
            Sample.upstream(#"{ "endpoints": ["http://a"], §"http2": true }"#)
        ),
        Expectation(
            "/routes/0/upstream/health",
            "not yet supported",
            Sample.upstream(#"{ "endpoints": ["http://a"], §"health": {} }"#)
        ),
        Expectation(
            "/routes/0/upstream/credentials",
            "\"assertion\" are not yet supported",
            Sample.upstream(#"{ "endpoints": ["http://a"], "credentials": §"assertion" }"#)
        ),
        Expectation(
            "/routes/0/upstream/credentials",
            "\"exchange\" are not yet supported",
            Sample.upstream(#"{ "endpoints": ["http://a"], "credentials": §"exchange" }"#)
        ),
        Expectation(
            "/issuers/corp/keys",
            "https key sources are not yet supported",
            Sample.issuer(#""issuer": "https://a", "keys": §"discover""#)
        ),
        Expectation(
            "/issuers/corp/issuer",
            "https key sources are not yet supported",
            Sample.issuer(#""issuer": §"https://a""#)
        ),
        Expectation(
            "/issuers/corp/keys/uri",
            "https key sources are not yet supported",
            Sample.issuer(#""issuer": "https://a", "keys": { "uri": §"https://a/jwks" }"#)
        ),
    ])
    func `refuses what later versions bring`(_ row: Expectation) { row.expectRefusal() }
}
