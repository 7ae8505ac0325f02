// The listeners of a file, whatever else is wrong with it.

import Testing

@testable import Configuration

@Suite struct `The listeners for health checks` {
    private func listeners(_ text: String) throws -> [HealthListener] {
        try ConfigurationLoader.healthListeners(
            in: ConfigurationSource(name: "gateway.json", text: Array(text.utf8))
        )
    }

    @Test func `are read with all that asking them needs`() throws {
        let all = try listeners(
            """
            { "listeners": [
                { "address": "0.0.0.0:8443", "health_path": "/up", "proxy_protocol": ["127.0.0.0/8"],
                  "tls": { "certificates": [ { "certificate": "missing.pem", "key": { "file": "missing.key" } } ] } },
                { "address": "unix:/run/audgate.sock" } ] }
            """
        )
        #expect(all.map { "\($0.address)" } == ["0.0.0.0:8443", "unix:/run/audgate.sock"])
        #expect(all.map(\.path) == ["/up", "/healthz"])
        #expect(all.map(\.isSecure) == [true, false])
        #expect(all.map(\.proxyNetworks.count) == [1, 0])
        #expect(all.map(\.demandsCertificate) == [false, false])
    }

    @Test(arguments: [
        ("{ \"ca\": \"ca.pem\" }", true), ("{ \"ca\": \"ca.pem\", \"mode\": \"require\" }", true),
        ("{ \"ca\": \"ca.pem\", \"mode\": \"request\" }", false),
    ])
    func `tell whether they demand a client's certificate`(_ clients: String, _ expected: Bool) throws {
        let all = try listeners(
            "{ \"listeners\": [ { \"address\": \"127.0.0.1:1\", \"tls\": { \"client_certificates\": \(clients) } } ] }"
        )
        #expect(all.map(\.demandsCertificate) == [expected])
    }

    @Test func `are found in a file that could not be loaded`() throws {
        let all = try listeners(
            """
            { "listeners": [ { "address": "nonsense" }, { "address": "127.0.0.1:8080", "future": 1 } ],
              "issuers": 5, "routes": [ { "resource": "x" } ], "future": {} }
            """
        )
        #expect(all.map { "\($0.address)" } == ["127.0.0.1:8080"])
    }

    @Test(arguments: [
        "", "{", "[]", "{}", "{ \"listeners\": [] }", "{ \"listeners\": [ { \"address\": \"x\" } ] }",
    ])
    func `that cannot be read are problems with a place`(_ text: String) throws {
        let error = try #require(throws: ConfigurationError.self) { try listeners(text) }
        #expect(!error.diagnostics.isEmpty)
    }

    @Test func `of a file that is not there are a problem`() {
        #expect(throws: ConfigurationError.self) {
            try ConfigurationLoader.healthListeners(path: "/nowhere/gateway.json")
        }
    }
}
