// How session ids are bound: modes, servers of 2024-11-05, and the keys.

import Bytes
import Configuration
import MCP
import Policy
import Testing

@Suite struct SessionTests {
    private static let secrets = ["old": String(repeating: "o", count: 32), "new": "\(Sample.sessionKey)"]

    /// The surroundings of `Sample`, with these files; variables hold what the files of their names hold.
    private static func surroundings(
        _ files: [String: String] = secrets
    ) -> ConfigurationSurroundings {
        var surroundings = Sample.surroundings()
        surroundings.read = { path in
            files[path].map { .success(Array($0.utf8)) }
                ?? .failure(ConfigurationFileError(path: path, reason: "No such file or directory"))
        }
        surroundings.variable = { files[$0] }
        return surroundings
    }

    private func keys(
        _ list: String,
        _ files: [String: String] = secrets
    ) throws(ConfigurationError) -> SessionKeys {
        let text = source(Sample.root("\"session_keys\": \(list)"))
        let configuration = try ConfigurationLoader.compile(text, beside: Self.surroundings(files))
        return configuration.snapshot.sessionKeys
    }

    /// Whether `other` opens what `keys` seal.
    private func passes(from keys: SessionKeys, to other: SessionKeys) throws -> Bool {
        let binding = SessionBinding(route: "https://a/b", issuer: "i", subject: "s", client: nil)
        let id = "upstream-id".octets
        let sealed = try SessionSeal.seal(
            id.span,
            for: binding,
            at: PlaceTag(endpoint: EndpointTag(ofEndpoint: "e")),
            keys: keys
        )
        do throws(SessionViolation) {
            return try SessionSeal.open(sealed.span, for: binding, keys: other).id == id
        } catch {
            #expect(error == .unknownKey)
            return false
        }
    }

    @Test func `the first key seals, and all open`() throws {
        let old = try keys(#"[{ "file": "old" }]"#)
        let both = try keys(#"[{ "file": "new" }, { "env": "old" }]"#)
        let new = try keys(#"[{ "env": "new" }]"#)
        #expect(try passes(from: old, to: both))
        #expect(try passes(from: both, to: new))
        #expect(try passes(from: new, to: both))
        #expect(try !passes(from: both, to: old))
        #expect(try !passes(from: old, to: new))
    }

    @Test func `a key that was handed over seals where none is configured`() throws {
        func keys(_ more: String, _ own: [UInt8]?) throws -> SessionKeys {
            var surroundings = Self.surroundings()
            surroundings.sessionKey = own
            return try ConfigurationLoader.compile(source(Sample.root(more)), beside: surroundings)
                .snapshot.sessionKeys
        }
        let secret = [UInt8](repeating: 7, count: 32)
        let log = #""log": {}"#
        #expect(try passes(from: keys(log, secret), to: keys(log, secret)))
        #expect(try !passes(from: keys(log, secret), to: keys(log, nil)))
        #expect(try !passes(from: keys(log, nil), to: keys(log, nil)))
        let configured = #""session_keys": [{ "file": "old" }]"#
        #expect(try passes(from: keys(configured, secret), to: keys(configured, nil)))
        #expect(try !passes(from: keys(log, secret), to: keys(configured, secret)))
        // Too short to be a key: a fresh one stands in.
        let short = [UInt8](repeating: 7, count: 31)
        #expect(try !passes(from: keys(log, short), to: keys(log, short)))
    }

    @Test(arguments: ["", "\n", "\r\n"])
    func `a line end behind a key is not part of it`(end: String) throws {
        let key = String(repeating: "k", count: 32)
        let plain = try keys(#"[{ "file": "k" }]"#, ["k": key])
        let ended = try keys(#"[{ "file": "k" }]"#, ["k": key + end])
        #expect(try passes(from: plain, to: ended))
    }

    @Test func `keys are random where there are none`() throws {
        let first = try ConfigurationLoader.compile(source(Sample.file()), beside: Sample.surroundings())
        let second = try ConfigurationLoader.compile(source(Sample.file()), beside: Sample.surroundings())
        #expect(try !passes(from: first.snapshot.sessionKeys, to: second.snapshot.sessionKeys))
    }

    @Test(arguments: [
        Expectation("/session_keys", "a list of secrets", Sample.root(#""session_keys": §{ "file": "k" }"#)),
        Expectation("/session_keys", "The list is empty", Sample.root(#""session_keys": §[]"#)),
        Expectation(
            "/session_keys/0",
            "may not stand in the configuration",
            Sample.root(#""session_keys": [§"hunter2"]"#)
        ),
        Expectation("/session_keys/0", "Name exactly one", Sample.root(#""session_keys": [§{}]"#)),
        Expectation(
            "/session_keys/0/environment",
            "unknown here",
            Sample.root(#""session_keys": [{ "file": "sessions.key", §"environment": "x" }]"#)
        ),
        Expectation(
            "/session_keys/0",
            "\"none.key\" cannot be read",
            Sample.root(#""session_keys": [§{ "file": "none.key" }]"#)
        ),
        Expectation(
            "/session_keys/0",
            "The environment variable \"NONE\" is not set",
            Sample.root(#""session_keys": [§{ "env": "NONE" }]"#)
        ),
        Expectation(
            "/session_keys/1",
            "has 20 bytes, and needs at least 32. Make one with \"openssl rand -base64 48\".",
            Sample.root(#""session_keys": [{ "file": "sessions.key" }, §{ "file": "text" }]"#)
        ),
        Expectation(
            "/session_keys/0",
            "has 0 bytes",
            Sample.root(#""session_keys": [§{ "file": "empty" }]"#)
        ),
        Expectation(
            "/session_keys/1",
            "the same key as 1 of the list",
            Sample.root(#""session_keys": [{ "file": "sessions.key" }, §{ "file": "x/sessions.key" }]"#)
        ),
    ])
    func `refuses wrong keys`(_ row: Expectation) { row.expectRefusal() }

    @Test func `counts the bytes of a key without its line end`() {
        let text = Sample.root(#""session_keys": [{ "file": "k" }]"#)
        let short = String(repeating: "k", count: 31) + "\r\n"
        let found = diagnostics(of: text, beside: Self.surroundings(["k": short]))
        #expect(found.map(\.problem) == ["The session key has 31 bytes, and needs at least 32."])
    }

    @Test func `refuses more keys than a gateway keeps, and takes as many as that`() throws {
        func list(_ count: Int) -> String {
            "[" + (0..<count).map { #"{ "env": "\#($0)" }"# }.joined(separator: ", ") + "]"
        }
        var files: [String: String] = [:]
        for number in 0...16 { files["\(number)"] = String(repeating: "k", count: 32 + number) }
        _ = try keys(list(16), files)
        let found = diagnostics(
            of: Sample.root("\"session_keys\": \(list(17))"),
            beside: Self.surroundings(files)
        )
        #expect(found.map(\.pointer) == ["/session_keys"])
        #expect(found.first?.problem == "There are more than 16 session keys.")
    }

    @Test func `does not repeat a secret in any message`() {
        let secret = "secret-secret-secret"
        let text = Sample.root(#""session_keys": [{ "env": "k" }, { "env": "k" }, "\#(secret)"]"#)
        let found = diagnostics(of: text, beside: Self.surroundings(["k": secret])).map(\.text)
        #expect(found.count == 3)
        #expect(found.allSatisfy { !$0.contains(secret) })
    }

    @Test(arguments: [
        (#"{ "address": "0.0.0.0:8443", "tls": TLS }"#, "", 1),
        (#"{ "address": "127.0.0.1:80" }, { "address": "[::]:8443", "tls": TLS }"#, "", 1),
        (#"{ "address": "0.0.0.0:8443", "tls": TLS }"#, Sample.sessionKeys, 0),
        (#"{ "address": "127.0.0.1:80" }, { "address": "[::1]:80" }, { "address": "unix:/s" }"#, "", 0),
    ])
    func `warns of a key that ends with the process where others can reach the gateway`(
        listeners: String,
        more: String,
        count: Int
    ) {
        let tls = #"{ "certificates": [{ "certificate": "gateway.pem", "key": { "file": "gateway.key" } }] }"#
        let text = Sample.file(listeners: listeners.replacing("TLS", with: tls), more: more)
        let found = diagnostics(of: text)
        #expect(found.map(\.severity) == Array(repeating: .warning, count: count))
        #expect(found.allSatisfy { $0.pointer.isEmpty && $0.problem.contains("do not outlive a restart") })
    }

    @Test func `warns of plain sessions, and of no key for them`() throws {
        let route =
            #"{ "resource": "https://mcp.example.com/files", \#(Sample.target), "sessions": §"plain" }"#
        let listener = #"{ "address": "unix:/s" }, { "address": "127.0.0.1:80" }"#
        let row = Expectation(
            "/routes/0/sessions",
            "lost at its end",
            Sample.file(listeners: listener, routes: route)
        )
        let configuration = try ConfigurationLoader.compile(source(row.text))
        #expect(configuration.snapshot.routes.map(\.sessions) == [.plain])
        #expect(configuration.warnings.map(row.matches) == [true])
        let reachable = Sample.file(listeners: #"{ "address": "0.0.0.0:80" }"#, routes: route)
        let problems = diagnostics(of: reachable.replacing("§", with: "")).map(\.problem)
        #expect(problems.count == 2)
        #expect(problems.allSatisfy { !$0.contains("session_keys") })
    }

    @Test func `takes every member about sessions and streams, and their defaults`() throws {
        func route(_ text: String) throws -> Route {
            try #require(try ConfigurationLoader.compile(source(text)).snapshot.routes.first)
        }
        let silent = try route(Sample.file())
        #expect(silent.sessions == .sealed)
        #expect(silent.endsStreamsWithToken)
        #expect(!silent.upstream.usesLegacySSE)
        let endless = try route(Sample.route(#""sessions": "sealed", "end_streams_with_token": false"#))
        #expect(endless.sessions == .sealed)
        #expect(!endless.endsStreamsWithToken)
        let upstream = #"{ "endpoints": ["http://a/sse"], "http2": true, "legacy_sse": true }"#
        let legacy = try route(Sample.upstream(upstream))
        #expect(legacy.upstream.usesLegacySSE)
        #expect(legacy.upstream.speaksHTTP2)
        let modern = try route(
            Sample.upstream(#"{ "endpoints": ["http://a"], "legacy_sse": false }, "subpaths": true"#)
        )
        #expect(!modern.upstream.usesLegacySSE)
    }

    @Test(arguments: [
        Expectation("/routes/0/sessions", "\"sealed\" or \"plain\"", Sample.route(#""sessions": §"none""#)),
        Expectation("/routes/0/sessions", "\"sealed\" or \"plain\"", Sample.route(#""sessions": §null"#)),
        Expectation(
            "/routes/0/end_streams_with_token",
            "Write true or false",
            Sample.route(#""end_streams_with_token": §"5m""#)
        ),
        Expectation(
            "/routes/0/upstream/legacy_sse",
            "Write true or false",
            Sample.upstream(#"{ "endpoints": ["http://a"], "legacy_sse": §1 }"#)
        ),
        Expectation(
            "/routes/0/upstream/legacySSE",
            "Did you mean \"legacy_sse\"?",
            Sample.upstream(#"{ "endpoints": ["http://a"], §"legacySSE": true }"#)
        ),
        Expectation(
            "/routes/0/legacy_sse",
            "unknown here",
            Sample.route(#"§"legacy_sse": true"#)
        ),
        Expectation(
            "/routes/0/upstream/legacy_sse",
            "Subpaths do not go with a server of 2024-11-05",
            Sample.upstream(#"{ "endpoints": ["http://a"], §"legacy_sse": true }, "subpaths": true"#)
        ),
        Expectation(
            "/routes/0/sessions",
            "its session ids stand in URLs",
            Sample.upstream(#"{ "endpoints": ["http://a"], "legacy_sse": true }, "sessions": §"plain""#)
        ),
    ])
    func `refuses a wrong member about sessions and streams`(_ row: Expectation) { row.expectRefusal() }
}
