// The settings of tracing: what is refused, what is warned of, and what comes of them.

import Configuration
import HTTP
import Policy
import Testing

@Suite struct TracesTests {
    /// A file with these settings.
    private static func traces(_ members: String) -> String { Sample.root(#""traces": { \#(members) }"#) }

    /// A file with an endpoint on loopback and further settings.
    private static func local(_ members: String) -> String {
        traces(#""endpoint": "http://127.0.0.1:4318/v1/traces", \#(members)"#)
    }

    private static let secure = #""endpoint": "https://collector.example:4318/v1/traces""#

    private static let rows = [
        Expectation("/traces", "Write the settings of traces as an object", Sample.root(#""traces": §true"#)),
        Expectation("/traces", "\"endpoint\" is missing", Sample.root(#""traces": §{}"#)),
        Expectation("/traces/url", "unknown here", local(#"§"url": "x""#)),
        Expectation("/traces/endpoint", "Write an http or https URL", traces(#""endpoint": §4318"#)),
        Expectation("/traces/endpoint", "scheme http or https", traces(#""endpoint": §"localhost:4318""#)),
        Expectation("/traces/endpoint", "has a query", traces(#""endpoint": §"http://a/v1/traces?x=1""#)),
        Expectation("/traces/endpoint", "user name", traces(#""endpoint": §"http://u:p@a/v1/traces""#)),
        Expectation("/traces/sample", "Write a number from 0 to 1", local(#""sample": §"10%""#)),
        Expectation("/traces/sample", "out of bounds", local(#""sample": §10"#)),
        Expectation("/traces/sample", "out of bounds", local(#""sample": §-0.1"#)),
        Expectation("/traces/sample", "out of bounds", local(#""sample": §1.0000001"#)),
        Expectation("/traces/service_name", "Write the name of a service", local(#""service_name": §1"#)),
        Expectation("/traces/service_name", "can be seen", local(#""service_name": §"""#)),
        Expectation("/traces/service_name", "can be seen", local(#""service_name": §"a\nb""#)),
        Expectation(
            "/traces/service_name",
            "up to 128",
            local(#""service_name": §"\#(String(repeating: "x", count: 129))""#)
        ),
    ]

    @Test(arguments: rows)
    func `refuses wrong settings`(_ row: Expectation) { row.expectRefusal() }

    private static let key = #"{ "file": "sessions.key" }"#

    private static let fields = [
        Expectation("/traces/headers", "a secret for each field", local(#""headers": §[]"#)),
        Expectation(
            "/traces/headers/a",
            "may not stand in the configuration",
            local(#""headers": { "a": §"x" }"#)
        ),
        Expectation("/traces/headers/a", "is not set", local(#""headers": { "a": §{ "env": "NOBODY" } }"#)),
        Expectation(
            "/traces/headers/a",
            "cannot be read",
            local(#""headers": { "a": §{ "file": "none" } }"#)
        ),
        // A key has several lines.
        Expectation(
            "/traces/headers/a",
            "one line",
            local(#""headers": { "a": §{ "env": "GATEWAY_KEY" } }"#)
        ),
        Expectation("/traces/headers/", "not the name of a field", local(#""headers": { §"": \#(key) }"#)),
        Expectation(
            "/traces/headers/a:",
            "not the name of a field",
            local(#""headers": { §"a:": \#(key) }"#)
        ),
        Expectation(
            "/traces/headers/a b",
            "not the name of a field",
            local(#""headers": { §"a b": \#(key) }"#)
        ),
        Expectation(
            "/traces/headers/a\r\nb",
            "not the name of a field",
            local(#""headers": { §"a\r\nb": \#(key) }"#)
        ),
        Expectation(
            "/traces/headers/Content-Length",
            "by itself",
            local(#""headers": { §"Content-Length": \#(key) }"#)
        ),
        Expectation("/traces/headers/hOsT", "by itself", local(#""headers": { §"hOsT": \#(key) }"#)),
        Expectation(
            "/traces/headers/X-Key",
            "twice",
            local(#""headers": { "x-key": \#(key), §"X-Key": \#(key) }"#)
        ),
        Expectation(
            "/traces/headers",
            "clear text",
            traces(#""endpoint": "http://collector/v1/traces", §"headers": { "a": \#(key) }"#)
        ),
        Expectation(
            "/traces/headers",
            "at most 16",
            local(
                "\"headers\": §{ \((0..<17).map { #""a\#($0)": \#(key)"# }.joined(separator: ", ")) }"
            )
        ),
    ]

    @Test(arguments: fields)
    func `refuses wrong fields, and never repeats a secret`(_ row: Expectation) {
        row.expectRefusal()
        for diagnostic in diagnostics(of: row.text) {
            #expect(!diagnostic.text.contains(Sample.sessionKey.dropLast()))
            #expect(!diagnostic.text.contains("PRIVATE KEY"))
        }
    }

    @Test(arguments: [
        Expectation("/traces/tls", "not https", local(#"§"tls": {}"#)),
        Expectation("/traces/tls/ca", "cannot be read", traces(#"\#(secure), "tls": { "ca": §"none" }"#)),
        Expectation("/traces/tls/verify", "on loopback", traces(#"\#(secure), "tls": { "verify": §false }"#)),
    ])
    func `refuses wrong TLS settings`(_ row: Expectation) { row.expectRefusal() }

    private func settings(_ text: String) throws -> TraceSettings? {
        try ConfigurationLoader.compile(source(text), beside: Sample.surroundings()).snapshot.traces
    }

    @Test func `traces nothing unless told`() throws {
        #expect(try settings(Sample.file()) == nil)
    }

    @Test func `gives everything that is absent its default`() throws {
        let traces = try #require(
            try settings(Self.traces(#""endpoint": "http://127.0.0.1:4318/v1/traces""#))
        )
        #expect(traces.endpoint.text == "http://127.0.0.1:4318/v1/traces")
        #expect(traces.sample == .all)
        #expect(traces.serviceName == "audgate")
        #expect(traces.fields.isEmpty)
        #expect(traces.tls == nil)
    }

    @Test func `takes every member`() throws {
        let text = Self.traces(
            #"\#(Self.secure), "sample": 0.25, "service_name": "edge", "headers": { "X-Key": \#(Self.key) }, "#
                + #""tls": { "ca": "ca.pem", "server_name": "Collector.internal" }"#
        )
        let traces = try #require(try settings(text))
        #expect(traces.sample == SampleRate(0.25))
        #expect(traces.serviceName == "edge")
        #expect(traces.fields.map(\.name) == ["X-Key"])
        // The line end of the file is not part of the secret.
        #expect(traces.fields.map(\.value) == [String(Sample.sessionKey.dropLast())])
        #expect(traces.tls?.serverName == "collector.internal")
    }

    @Test(arguments: ["0", "1", "0.0", "1.0", "1e-3"])
    func `takes every share from none to all`(_ share: String) throws {
        let traces = try settings(Self.local("\"sample\": \(share)"))
        #expect(traces?.sample == SampleRate(try #require(Double(share))))
    }

    @Test func `verifies an https collector by the system's authorities`() throws {
        let traces = try #require(try settings(Self.traces(Self.secure)))
        #expect(traces.tls != nil)
        #expect(traces.tls?.serverName == nil)
    }

    @Test(arguments: ["http://127.0.0.1:4318", "http://127.0.0.1:4318/"])
    func `warns of an endpoint without a path`(_ endpoint: String) throws {
        let found = diagnostics(of: Self.traces(#""endpoint": "\#(endpoint)""#))
        #expect(found.map(\.severity) == [.warning])
        #expect(found.first?.pointer == "/traces/endpoint")
        #expect(found.first?.remedy.contains("/v1/traces") == true)
    }
}
