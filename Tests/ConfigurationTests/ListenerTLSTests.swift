// TLS and the PROXY protocol of listeners: what is refused, what is warned of and what comes of it.

import Configuration
import Policy
import Testing

@Suite struct ListenerTLSTests {
    private static let key = #"{ "file": "gateway.key" }"#
    private static let good = #"{ "certificate": "gateway.pem", "key": \#(key) }"#

    /// A file whose listener has these TLS settings.
    private static func tls(_ settings: String) -> String { Sample.listener("\"tls\": \(settings)") }

    /// A file whose listener has this certificate.
    private static func certificate(_ members: String) -> String {
        tls(#"{ "certificates": [ { \#(members) } ] }"#)
    }

    /// A file whose listener asks for certificates of clients.
    private static func clients(_ value: String) -> String {
        tls(#"{ "certificates": [\#(good)], "client_certificates": \#(value) }"#)
    }

    private static let tlsPointer = "/listeners/0/tls"
    private static let firstPointer = "/listeners/0/tls/certificates/0"
    private static let clientPointer = "/listeners/0/tls/client_certificates"

    @Test(arguments: [
        Expectation(tlsPointer, "Write the TLS settings of a listener as an object", tls("§true")),
        Expectation(tlsPointer, "\"certificates\" is missing", tls("§{}")),
        Expectation(
            "\(tlsPointer)/certificates",
            "a list of certificates",
            tls(#"{ "certificates": §\#(good) }"#)
        ),
        Expectation("\(tlsPointer)/certificates", "The list is empty", tls(#"{ "certificates": §[] }"#)),
        Expectation(
            "\(tlsPointer)/ciphers",
            "unknown here",
            tls(#"{ "certificates": [\#(good)], §"ciphers": [] }"#)
        ),
        Expectation(
            "\(tlsPointer)/minimum_version",
            "\"1.1\" is unknown here",
            tls(#"{ "certificates": [\#(good)], "minimum_version": §"1.1" }"#)
        ),
        Expectation(
            "\(tlsPointer)/minimum_version",
            "Write \"1.2\" or \"1.3\"",
            tls(#"{ "certificates": [\#(good)], "minimum_version": §1.3 }"#)
        ),
        Expectation(clientPointer, "Write the client certificates as an object", clients(#"§"require""#)),
        Expectation(clientPointer, "\"ca\" is missing", clients(#"§{ "mode": "request" }"#)),
        Expectation("\(clientPointer)/ca", "cannot be read", clients(#"{ "ca": §"missing.pem" }"#)),
        Expectation("\(clientPointer)/ca", "of an authority", clients(#"{ "ca": §"text" }"#)),
        Expectation("\(clientPointer)/ca", "the path of a file", clients(#"{ "ca": §["ca.pem"] }"#)),
        Expectation(
            "\(clientPointer)/mode",
            "Did you mean \"require\"?",
            clients(#"{ "ca": "ca.pem", "mode": §"required" }"#)
        ),
        Expectation("\(clientPointer)/mode", "unknown", clients(#"{ "ca": "ca.pem", "mode": §"optional" }"#)),
        Expectation(
            "\(clientPointer)/crl",
            "cannot be read",
            clients(#"{ "ca": "ca.pem", "crl": §"missing" }"#)
        ),
        Expectation(
            "\(clientPointer)/crl",
            "revocation list",
            clients(#"{ "ca": "ca.pem", "crl": §"ca.pem" }"#)
        ),
        Expectation(
            "\(clientPointer)/crl",
            "revocation list",
            clients(#"{ "ca": "ca.pem", "crl": §"empty" }"#)
        ),
    ])
    func `refuses wrong TLS settings`(_ row: Expectation) { row.expectRefusal() }

    @Test(arguments: [
        Expectation(
            firstPointer,
            "\"key\" is missing",
            tls(#"{ "certificates": [§{ "certificate": "gateway.pem" }] }"#)
        ),
        Expectation(
            firstPointer,
            "\"certificate\" is missing",
            tls(#"{ "certificates": [§{ "key": \#(key) }] }"#)
        ),
        Expectation(
            firstPointer,
            "Write a certificate as an object",
            tls(#"{ "certificates": [§"gateway.pem"] }"#)
        ),
        Expectation(
            "\(firstPointer)/chain",
            "unknown here",
            certificate(#""certificate": "gateway.pem", "key": \#(key), §"chain": "c""#)
        ),
        Expectation(
            "\(firstPointer)/certificate",
            "\"missing.pem\" cannot be read: No such file or directory",
            certificate(#""certificate": §"missing.pem", "key": \#(key)"#)
        ),
        Expectation(
            "\(firstPointer)/certificate",
            "no PEM certificate",
            certificate(#""certificate": §"text", "key": \#(key)"#)
        ),
        Expectation(
            "\(firstPointer)/certificate",
            "no PEM certificate",
            certificate(#""certificate": §"empty", "key": \#(key)"#)
        ),
        Expectation(
            "\(firstPointer)/certificate",
            "no PEM certificate",
            certificate(#""certificate": §"gateway.key", "key": \#(key)"#)
        ),
        Expectation(
            "\(firstPointer)/certificate",
            "shorter than 2048",
            certificate(#""certificate": §"weak.pem", "key": { "file": "weak.key" }"#)
        ),
        Expectation(
            "\(firstPointer)/certificate",
            "subjectAltName",
            certificate(#""certificate": §"client.pem", "key": { "file": "client.key" }"#)
        ),
        Expectation(
            "\(firstPointer)/key",
            "does not belong",
            certificate(#""certificate": "gateway.pem", "key": §{ "file": "other.key" }"#)
        ),
        Expectation(
            "\(firstPointer)/key",
            "does not belong",
            certificate(#""certificate": "other.pem", "key": §{ "env": "GATEWAY_KEY" }"#)
        ),
        Expectation(
            "\(firstPointer)/key",
            "passphrase",
            certificate(#""certificate": "gateway.pem", "key": §{ "file": "encrypted.key" }"#)
        ),
        Expectation(
            "\(firstPointer)/key",
            "no PEM private key",
            certificate(#""certificate": "gateway.pem", "key": §{ "file": "gateway.pem" }"#)
        ),
        Expectation(
            "\(firstPointer)/key",
            "cannot be read",
            certificate(#""certificate": "gateway.pem", "key": §{ "file": "missing.key" }"#)
        ),
        Expectation(
            "\(firstPointer)/ocsp",
            "cannot be read (it must be DER)",
            certificate(#""certificate": "gateway.pem", "key": \#(key), "ocsp": §"text""#)
        ),
        Expectation(
            "\(firstPointer)/ocsp",
            "another certificate",
            certificate(#""certificate": "gateway.pem", "key": \#(key), "ocsp": §"other.ocsp""#)
        ),
        Expectation(
            "\(firstPointer)/ocsp",
            "cannot be read",
            certificate(#""certificate": "gateway.pem", "key": \#(key), "ocsp": §"missing.ocsp""#)
        ),
    ])
    func `refuses a wrong certificate, at the member that is wrong`(_ row: Expectation) {
        row.expectRefusal()
    }

    @Test(arguments: [
        Expectation(
            "\(firstPointer)/key",
            "Name exactly one",
            certificate(#""certificate": "gateway.pem", "key": §{}"#)
        ),
        Expectation(
            "\(firstPointer)/key",
            "Name exactly one",
            certificate(#""certificate": "gateway.pem", "key": §{ "file": "k", "env": "K" }"#)
        ),
        Expectation(
            "\(firstPointer)/key",
            "{\"file\": …} or {\"env\": …}",
            certificate(#""certificate": "gateway.pem", "key": §["k"]"#)
        ),
        Expectation(
            "\(firstPointer)/key/path",
            "unknown here",
            certificate(#""certificate": "gateway.pem", "key": { "file": "gateway.key", §"path": "k" }"#)
        ),
        Expectation(
            "\(firstPointer)/key/file",
            "not the path of a file",
            certificate(#""certificate": "gateway.pem", "key": { "file": §"" }"#)
        ),
        Expectation(
            "\(firstPointer)/key/env",
            "not the name",
            certificate(#""certificate": "gateway.pem", "key": { "env": §"" }"#)
        ),
        Expectation(
            "\(firstPointer)/key/env",
            "not the name",
            certificate(#""certificate": "gateway.pem", "key": { "env": §"A=B" }"#)
        ),
        Expectation(
            "\(firstPointer)/key",
            "\"OTHER_KEY\" is not set",
            certificate(#""certificate": "gateway.pem", "key": §{ "env": "OTHER_KEY" }"#)
        ),
    ])
    func `refuses a secret without a place`(_ row: Expectation) { row.expectRefusal() }

    @Test func `refuses a literal secret with a sentence of its own, and does not repeat it`() {
        let row = Expectation(
            "/listeners/0/tls/certificates/0/key",
            "A secret may not stand in the configuration",
            Self.certificate(#""certificate": "gateway.pem", "key": §"hunter2""#)
        )
        row.expectRefusal()
        let texts = diagnostics(of: row.text).map(\.text)
        #expect(!texts.contains { $0.contains("hunter2") })
    }

    @Test(
        arguments: [
            (1_577_836_799, "not valid before 2020-01-01T00:00:00Z"),
            (4_102_444_800, "expired at 2100-01-01T00:00:00Z"), (0, "not valid before"),
            (9_000_000_000, "expired"),
        ] as [(Int64, String)]
    )
    func `refuses a certificate that is not valid now`(now: Int64, phrase: String) {
        let found = diagnostics(
            of: Self.tls(#"{ "certificates": [\#(Self.good)] }"#),
            beside: Sample.surroundings(now: now)
        )
        #expect(found.count == 1)
        #expect(found.first?.severity == .error)
        #expect(found.first?.pointer == "/listeners/0/tls/certificates/0/certificate")
        #expect(found.first?.problem.contains(phrase) == true)
    }

    @Test func `warns once of a certificate that expires within 14 days`() {
        let end: Int64 = 4_102_444_800
        let text = Sample.file(
            listeners: ["1", "2"].map {
                #"{ "address": "127.0.0.1:\#($0)", "tls": { "certificates": [\#(Self.good)] } }"#
            }.joined(separator: ", ")
        )
        let late = diagnostics(of: text, beside: Sample.surroundings(now: end - 14 * 86_400 + 1))
        #expect(late.map(\.severity) == [.warning])
        #expect(late.first?.problem.contains("2100-01-01T00:00:00Z, in less than 14 days") == true)
        let early = diagnostics(of: text, beside: Sample.surroundings(now: end - 14 * 86_400))
        #expect(early == [])
    }

    @Test func `warns of an OCSP response that has expired`() {
        let text = Self.certificate(
            #""certificate": "gateway.pem", "key": \#(Self.key), "ocsp": "gateway.ocsp""#
        )
        #expect(diagnostics(of: text) == [])
        // 2099-01-01.
        let found = diagnostics(of: text, beside: Sample.surroundings(now: 4_070_908_800))
        #expect(found.map(\.severity) == [.warning])
        #expect(found.first?.pointer == "/listeners/0/tls/certificates/0/ocsp")
        #expect(found.first?.problem.contains("expired at 2098-01-27") == true)
    }

    @Test func `takes every TLS setting of a listener`() throws {
        let settings = #"""
            "tls": { "certificates": [ { "certificate": "chain.pem", "key": { "env": "GATEWAY_KEY" }, "ocsp": "gateway.ocsp" },
                                       { "certificate": "other.pem", "key": { "file": "other.key" } } ],
                     "minimum_version": "1.3",
                     "client_certificates": { "ca": "ca.pem", "mode": "request", "crl": "crl.pem" } },
            "proxy_protocol": [ "10.0.0.0/8", "::1/128", "127.0.0.1" ]
            """#
        let configuration = try ConfigurationLoader.compile(
            source(Sample.listener(settings)),
            beside: Sample.surroundings()
        )
        #expect(configuration.warnings == [])
        let listener = try #require(configuration.snapshot.listeners.first)
        #expect(listener.tls != nil)
        #expect(listener.proxyNetworks == ["10.0.0.0/8", "::1/128", "127.0.0.1"])
    }

    @Test func `reads files beside the file that names them`() throws {
        var asked: [String] = []
        var surroundings = Sample.surroundings()
        let read = surroundings.read
        surroundings.read = { path in
            asked.append(path)
            return read(path)
        }
        let text = Self.tls(
            #"""
            { "certificates": [ { "certificate": "tls/gateway.pem", "key": { "file": "/run/gateway.key" } } ],
              "client_certificates": { "ca": "ca.pem" } }
            """#
        )
        let root = ConfigurationSource(name: "/etc/audgate/gateway.json", text: Array(text.utf8))
        _ = try ConfigurationLoader.compile(root, beside: surroundings)
        #expect(
            asked.sorted() == ["/etc/audgate/ca.pem", "/etc/audgate/tls/gateway.pem", "/run/gateway.key"]
        )
    }

    @Test func `a certificate is no secret, and files are the only way to it`() {
        let found = diagnostics(
            of: Self.tls(#"{ "certificates": [\#(Self.good)] }"#),
            beside: ConfigurationSurroundings()
        )
        #expect(found.map(\.severity) == [.error])
        #expect(found.first?.problem.contains("There are no files here") == true)
    }

    @Test(arguments: [
        ("mcp.example.com", true), ("a.apps.example.com", true), ("a.b.apps.example.com", false),
        ("apps.example.com", false), ("other.example.com", false), ("192.0.2.1", true), ("192.0.2.2", false),
        ("[::1]", true), ("mcp.example.com:8443", true),
    ])
    func `warns of a route whose host no certificate is good for`(host: String, isCovered: Bool) {
        let route = #"{ "resource": "https://\#(host)/files", \#(Sample.target) }"#
        let listener = #"{ "address": "0.0.0.0:8443", "tls": { "certificates": [\#(Self.good)] } }"#
        let found = diagnostics(of: Sample.file(listeners: listener, routes: route, more: Sample.sessionKeys))
        #expect(found.map(\.severity) == (isCovered ? [] : [.warning]))
        guard !isCovered else { return }
        #expect(found.first?.pointer == "/routes/0/resource")
        #expect(found.first?.problem.contains("\"\(host)\"") == true)
        #expect(found.first?.problem.contains("*.apps.example.com, 192.0.2.1, ::1, mcp.example.com") == true)
    }

    @Test func `looks at the host that requests arrive with`() {
        let listener = #"{ "address": "127.0.0.1:8443", "tls": { "certificates": [\#(Self.good)] } }"#
        let covered =
            #"{ "resource": "https://public.example.com/a", \#(Sample.target), "match": { "host": "mcp.example.com" } }"#
        #expect(diagnostics(of: Sample.file(listeners: listener, routes: covered)) == [])
        let rewritten =
            #"{ "resource": "https://mcp.example.com/a", \#(Sample.target), "match": { "host": "internal:81" } }"#
        let found = diagnostics(of: Sample.file(listeners: listener, routes: rewritten))
        #expect(found.map(\.pointer) == ["/routes/0/match"])
        let loopback = #"{ "resource": "http://localhost/a", \#(Sample.target) }"#
        #expect(diagnostics(of: Sample.file(listeners: listener, routes: loopback)) == [])
    }

    @Test func `warns of cleartext that others can reach, and not of TLS`() {
        let more = Sample.sessionKeys
        let cleartext = diagnostics(of: Sample.file(listeners: #"{ "address": "0.0.0.0:80" }"#, more: more))
        #expect(cleartext.map(\.severity) == [.warning])
        #expect(cleartext.first?.remedy.hasPrefix("Set \"tls\"") == true)
        let secure = #"{ "address": "0.0.0.0:443", "tls": { "certificates": [\#(Self.good)] } }"#
        #expect(diagnostics(of: Sample.file(listeners: secure, more: more)) == [])
    }

    @Test(arguments: [
        Expectation(
            "/listeners/0/proxy_protocol",
            "a list of networks",
            Sample.listener(#""proxy_protocol": §true"#)
        ),
        Expectation(
            "/listeners/0/proxy_protocol",
            "The list is empty",
            Sample.listener(#""proxy_protocol": §[]"#)
        ),
        Expectation(
            "/listeners/0/proxy_protocol/0",
            "not a network",
            Sample.listener(#""proxy_protocol": [§"10.0.0.0/33"]"#)
        ),
        Expectation(
            "/listeners/0/proxy_protocol/0",
            "zeros behind its prefix",
            Sample.listener(#""proxy_protocol": [§"10.0.0.1/8"]"#)
        ),
        Expectation(
            "/listeners/0/proxy_protocol/1",
            "not a network",
            Sample.listener(#""proxy_protocol": ["::1", §"balancer.internal"]"#)
        ),
        Expectation(
            "/listeners/0/proxy_protocol/1",
            "twice",
            Sample.listener(#""proxy_protocol": ["::1", §"::1"]"#)
        ),
        Expectation(
            "/listeners/0/proxy_protocol/0",
            "Write a string",
            Sample.listener(#""proxy_protocol": [§8]"#)
        ),
        Expectation(
            "/listeners/0/proxy_protocol",
            "has no address",
            Sample.file(listeners: #"{ "address": "unix:/run/a", §"proxy_protocol": ["127.0.0.1"] }"#)
        ),
    ])
    func `refuses networks that are none`(_ row: Expectation) { row.expectRefusal() }

    @Test(arguments: ["0.0.0.0/0", "::/0", "::ffff:0:0/96"])
    func `warns of a network that is everybody`(network: String) {
        let found = diagnostics(of: Sample.listener("\"proxy_protocol\": [\"\(network)\"]"))
        #expect(found.map(\.severity) == [.warning])
        #expect(found.first?.problem.contains("can claim any address") == true)
    }
}
