// TLS and HTTP/2 towards upstreams and sources of keys: what is refused, and what comes of it.

import Configuration
import OpenSSL
import Policy
import Testing

@Suite struct ClientTLSTests {
    /// A file whose upstream has an https endpoint and these TLS settings.
    private static func tls(_ settings: String, endpoint: String = "https://10.0.0.5:8443/mcp") -> String {
        Sample.upstream(#"{ "endpoints": ["\#(endpoint)"], "tls": \#(settings) }"#)
    }

    private static let pointer = "/routes/0/upstream/tls"

    @Test(arguments: [
        Expectation(pointer, "Write the TLS settings of a client as an object", tls("§true")),
        Expectation("\(pointer)/insecure", "unknown here", tls(#"{ §"insecure": true }"#)),
        Expectation("\(pointer)/ca", "cannot be read", tls(#"{ "ca": §"missing.pem" }"#)),
        Expectation("\(pointer)/ca", "of an authority", tls(#"{ "ca": §"gateway.key" }"#)),
        Expectation("\(pointer)/crl", "revocation list", tls(#"{ "ca": "ca.pem", "crl": §"text" }"#)),
        Expectation("\(pointer)/crl", "revocation list", tls(#"{ "crl": §"text" }"#)),
        Expectation(
            "\(pointer)/certificate",
            "\"key\" is missing",
            tls(#"{ "certificate": §{ "certificate": "client.pem" } }"#)
        ),
        Expectation(
            "\(pointer)/certificate/ocsp",
            "unknown here",
            tls(
                #"{ "certificate": { "certificate": "client.pem", "key": { "file": "client.key" }, §"ocsp": "x" } }"#
            )
        ),
        Expectation(
            "\(pointer)/certificate/key",
            "does not belong",
            tls(#"{ "certificate": { "certificate": "client.pem", "key": §{ "file": "other.key" } } }"#)
        ),
        Expectation(
            "\(pointer)/certificate/key",
            "A secret may not stand",
            tls(#"{ "certificate": { "certificate": "client.pem", "key": §"-----BEGIN PRIVATE KEY-----" } }"#)
        ),
        Expectation(
            "\(pointer)/server_name",
            "not the name of a host",
            tls(#"{ "server_name": §"https://a" }"#)
        ),
        Expectation("\(pointer)/server_name", "not the name of a host", tls(#"{ "server_name": §"a:443" }"#)),
        Expectation(
            "\(pointer)/server_name",
            "not the name of a host",
            tls(#"{ "server_name": §"*.example.com" }"#)
        ),
        Expectation(
            "\(pointer)/server_name",
            "not the name of a host",
            tls(#"{ "server_name": §"10.0.0.1" }"#)
        ),
        Expectation("\(pointer)/server_name", "not the name of a host", tls(#"{ "server_name": §"::1" }"#)),
        Expectation("\(pointer)/server_name", "not the name of a host", tls(#"{ "server_name": §"a..b" }"#)),
        Expectation("\(pointer)/server_name", "not the name of a host", tls(#"{ "server_name": §"a." }"#)),
        Expectation("\(pointer)/server_name", "not the name of a host", tls(#"{ "server_name": §"-a.b" }"#)),
        Expectation(
            "\(pointer)/server_name",
            "not the name of a host",
            tls(#"{ "server_name": §"\u00e4.example" }"#)
        ),
        Expectation(
            "\(pointer)/server_name",
            "not the name of a host",
            tls(#"{ "server_name": §"a\u0000.b" }"#)
        ),
        Expectation("\(pointer)/server_name", "not the name of a host", tls(#"{ "server_name": §"" }"#)),
        Expectation("\(pointer)/server_name", "Write the name of a host", tls(#"{ "server_name": §false }"#)),
        Expectation("\(pointer)/verify", "Write true or false", tls(#"{ "verify": §"no" }"#)),
    ])
    func `refuses wrong TLS settings`(_ row: Expectation) { row.expectRefusal() }

    @Test(arguments: [
        Expectation("\(pointer)/verify", "only addresses on loopback", tls(#"{ "verify": §false }"#)),
        Expectation(
            "\(pointer)/verify",
            "only addresses on loopback",
            tls(#"{ "verify": §false }"#, endpoint: "https://files.internal")
        ),
        Expectation(
            "\(pointer)/verify",
            "only addresses on loopback",
            Sample.upstream(
                #"{ "endpoints": ["https://127.0.0.1", "https://10.0.0.1"], "tls": { "verify": §false } }"#
            )
        ),
        Expectation(
            "\(pointer)/ca",
            "Nothing is checked against \"ca\"",
            tls(#"{ §"ca": "ca.pem", "verify": false }"#, endpoint: "https://localhost:1")
        ),
        Expectation(
            "\(pointer)/crl",
            "Nothing is checked against \"crl\"",
            tls(#"{ §"crl": "crl.pem", "verify": false }"#, endpoint: "https://[::1]:1")
        ),
        Expectation(
            pointer,
            "no endpoint is https",
            Sample.upstream(#"{ "endpoints": ["http://10.0.0.5/mcp"], §"tls": {} }"#)
        ),
        Expectation(
            "/routes/0/upstream/endpoints/1",
            "some are http",
            Sample.upstream(#"{ "endpoints": ["https://a", §"http://b", "https://c"] }"#)
        ),
        Expectation(
            "/routes/0/upstream/endpoints/2",
            "some are http",
            Sample.upstream(#"{ "endpoints": ["http://a", "http://b", §"https://c"] }"#)
        ),
        Expectation(
            "/routes/0/upstream/http2",
            "Write true or false",
            Sample.upstream(#"{ "endpoints": ["https://a"], "http2": §"h2" }"#)
        ),
        Expectation("/routes/0/upstream", "not an absolute URL", Sample.upstream(#"§"HTTPS://a""#)),
    ])
    func `refuses what would secure nothing, or only seem to`(_ row: Expectation) { row.expectRefusal() }

    @Test(arguments: [
        Expectation(
            "/issuers/corp/tls",
            "no key is fetched by https",
            Sample.issuer(#""issuer": "https://a", "keys": { "file": "k" }, §"tls": {}"#)
        ),
        Expectation(
            "/issuers/corp/tls",
            "no key is fetched by https",
            Sample.issuer(
                #""issuer": "https://a", "keys": { "uri": "http://[::1]/k" }, §"tls": { "ca": "ca.pem" }"#
            )
        ),
        Expectation(
            "/issuers/corp/tls/verify",
            "only addresses on loopback",
            Sample.issuer(
                #""issuer": "https://a", "keys": { "uri": "https://a/k" }, "tls": { "verify": §false }"#
            )
        ),
        Expectation(
            "/issuers/corp/tls/verify",
            "that are written here",
            Sample.issuer(#""issuer": "https://localhost", "tls": { "verify": §false }"#)
        ),
        Expectation(
            "/issuers/corp/tls/ca",
            "cannot be read",
            Sample.issuer(#""issuer": "https://a", "tls": { "ca": §"missing" }"#)
        ),
        Expectation(
            "/issuers/corp/tls",
            "as an object",
            Sample.issuer(#""issuer": "https://a", "tls": §[]"#)
        ),
        Expectation(
            "/issuers/corp/keys/uri",
            "Use https, a file, or http on loopback",
            Sample.issuer(#""issuer": "https://a", "keys": { "uri": §"http://a/k" }"#)
        ),
    ])
    func `refuses wrong TLS settings of an issuer`(_ row: Expectation) { row.expectRefusal() }

    @Test func `refuses a client certificate that has expired`() {
        let text = Self.tls(
            #"{ "ca": "ca.pem", "certificate": { "certificate": "client.pem", "key": { "file": "client.key" } } }"#
        )
        #expect(diagnostics(of: text) == [])
        let found = diagnostics(of: text, beside: Sample.surroundings(now: 5_000_000_000))
        #expect(found.map(\.pointer) == ["/routes/0/upstream/tls/certificate/certificate"])
        #expect(found.first?.problem.contains("expired at 2100") == true)
    }

    @Test func `says where authorities are needed and the system has none`() {
        var surroundings = Sample.surroundings()
        surroundings.authorities = { _ in .failure(.library) }
        let found = diagnostics(of: Sample.upstream(#""https://a/b""#), beside: surroundings)
        #expect(found.map(\.pointer) == ["/routes/0/upstream"])
        #expect(found.map(\.severity) == [.error])
        #expect(found.first?.problem == "The certificate authorities of the system cannot be read.")
        #expect(diagnostics(of: Self.tls(#"{ "ca": "ca.pem" }"#), beside: surroundings) == [])
    }

    private func compile(_ text: String) throws -> Snapshot {
        let configuration = try ConfigurationLoader.compile(source(text), beside: Sample.surroundings())
        #expect(configuration.warnings == [])
        return configuration.snapshot
    }

    private func upstream(_ text: String) throws -> Upstream {
        try #require(try compile(Sample.upstream(text)).routes.first).upstream
    }

    @Test func `takes what an upstream says of TLS and HTTP/2`() throws {
        let plain = try upstream(#""http://a:1/b""#)
        #expect(plain.tls == nil)
        #expect(!plain.speaksHTTP2)
        #expect(plain.endpoints.map(\.isSecure) == [false])
        let secure = try upstream(#""https://A/b""#)
        #expect(secure.tls != nil)
        #expect(secure.tls?.serverName == nil)
        #expect(
            secure.endpoints == [Endpoint(host: "a", port: 443, authority: "a", path: "/b", isSecure: true)]
        )
        let full = try upstream(
            #"""
            { "endpoints": ["https://a", "https://10.0.0.1:8443"], "http2": true,
              "tls": { "ca": "ca.pem", "crl": "crl.pem", "server_name": "Files.internal", "verify": true,
                       "certificate": { "certificate": "client.pem", "key": { "file": "client.key" } } } }
            """#
        )
        #expect(full.speaksHTTP2)
        #expect(full.tls?.serverName == "files.internal")
        let unverified = try upstream(
            #"{ "endpoints": ["https://127.0.0.1", "https://localhost:2", "https://[::1]"], "tls": { "verify": false } }"#
        )
        #expect(unverified.tls != nil)
        #expect(try upstream(#"{ "endpoints": ["http://a"], "http2": true }"#).tls == nil)
    }

    @Test func `takes what an issuer says of TLS`() throws {
        func issuer(_ members: String) throws -> Issuer {
            try #require(try compile(Sample.issuer(members)).issuers.first)
        }
        #expect(try issuer(#""issuer": "https://a""#).tls != nil)
        #expect(try issuer(#""issuer": "https://a", "keys": "discover""#).keySource == .discover)
        #expect(try issuer(#""issuer": "https://a", "keys": { "uri": "https://b/k?x" }"#).tls != nil)
        #expect(try issuer(#""issuer": "https://a", "keys": { "file": "k" }"#).tls == nil)
        #expect(try issuer(#""issuer": "http://localhost", "keys": "discover""#).tls == nil)
        #expect(try issuer(#""issuer": "http://localhost", "tls": { "ca": "ca.pem" }"#).tls != nil)
        let named = try issuer(
            #""issuer": "https://a", "tls": { "ca": "ca.pem", "server_name": "login.internal" }"#
        )
        #expect(named.serverName == "login.internal")
        let local =
            #""issuer": "https://a", "keys": { "uri": "https://127.0.0.1/k" }, "tls": { "verify": false }"#
        #expect(try issuer(local).tls != nil)
    }

    @Test func `equal settings share one context, whose files are read once`() throws {
        var reads: [String: Int] = [:]
        var systems = 0
        var surroundings = Sample.surroundings()
        let (read, authorities) = (surroundings.read, surroundings.authorities)
        surroundings.read = { path in
            reads[path, default: 0] += 1
            return read(path)
        }
        surroundings.authorities = { revocations in
            systems += 1
            return authorities(revocations)
        }
        func route(_ number: Int, _ upstream: String) -> String {
            #"{ "resource": "https://mcp.example.com/\#(number)", "issuer": "corp", "upstream": \#(upstream) }"#
        }
        let kinds = [
            #""https://a/b""#, #"{ "endpoints": ["https://c"], "http2": true }"#,
            #"{ "endpoints": ["https://d"], "tls": { "ca": "ca.pem" } }"#,
            #"{ "endpoints": ["https://e"], "tls": { "ca": "./ca.pem", "server_name": "x" } }"#,
            #"{ "endpoints": ["https://f"], "tls": { "ca": "ca.pem", "server_name": "f" } }"#,
        ]
        let routes = (0..<2000).map { route($0, kinds[$0 % kinds.count]) }.joined(separator: ",\n")
        let issuers = #"{ "corp": { "issuer": "https://login.example.com", "max_token_lifetime": "1h" } }"#
        let text = Sample.file(issuers: issuers, routes: routes)
        let snapshot = try ConfigurationLoader.compile(source(text), beside: surroundings).snapshot
        let contexts = snapshot.routes.compactMap { $0.upstream.tls?.context }
        #expect(contexts.count == 2000)
        #expect(Set(contexts.map { ObjectIdentifier($0) }).count == 3)
        // One file by two names.
        #expect(contexts[2] === contexts[4] && contexts[2] === contexts[3])
        #expect(snapshot.issuers.first?.tls === contexts[0])
        #expect(reads == ["ca.pem": 1, "./ca.pem": 1])
        #expect(systems == 1)
    }
}
