// Random damage to a good file: every text gives a configuration or diagnostics, and never ends the process.

import Configuration
import Testing

/// A small generator with a fixed seed (SplitMix64), so that every run is the same.
private struct SeededGenerator: RandomNumberGenerator {
    var state: UInt64

    mutating func next() -> UInt64 {
        state &+= 0x9E37_79B9_7F4A_7C15
        var value = state
        value = (value ^ value >> 30) &* 0xBF58_476D_1CE4_E5B9
        value = (value ^ value >> 27) &* 0x94D0_49BB_1331_11EB
        return value ^ value >> 31
    }
}

@Suite struct MutationTests {
    private static let tokens = [
        "{", "}", "[", "]", ",", ":", "\"", "null", "true", "-1", "1e9", "99999999999999999999", "\"\"",
        "\"*\"", "[]",
        "{}", "\\u0000", "\u{212A}", "/", "//", "..", "%2f", "#", "?", "@", "9223372036854775807",
        "\"999999999999999999d\"",
        "\"resource\": \"https://a\", ", "\"routes\": [], ", "https://", "[::1]", ":443", "\u{FEFF}", "§",
        "\r\n",
    ]

    private static let good = Sample.file(
        listeners: #"""
            { "address": "127.0.0.1:8443", "proxy_protocol": ["10.0.0.0/8"],
              "tls": { "certificates": [{ "certificate": "gateway.pem", "key": { "env": "GATEWAY_KEY" } }] } }
            """#,
        routes: #"""
            { "resource": "https://mcp.example.com/files", "issuer": ["corp"], "subpaths": true, "scopes": ["a"],
              "audience_aliases": ["api://files"], "origins": ["https://app.example.com"],
              "match": { "host": "internal:8080", "path": "/x" }, "metadata": { "resource_name": "Files" },
              "tools": { "delete": ["b"], "*": ["c"], "list": [] }, "methods": { "tools/list": ["d"] },
              "hide_unauthorized_tools": true, "sessions": "plain", "end_streams_with_token": false,
              "upstream": { "endpoints": ["https://files", "https://[::1]:3001/mcp"], "connect_timeout": "250ms",
                            "http2": true, "legacy_sse": false, "tls": { "ca": "ca.pem", "server_name": "files.internal" } } }
            """#,
        more:
            Sample.sessionKeys
            + #", "admin": { "address": "0.0.0.0:9901", "hosts": ["a", "::1"], "token": { "file": "admin.token" } }"#
            + #", "workers": 1, "limits": { "tokens": 7, "body_bytes": "1MiB" }, "log": { "access": "off" }, "#
            + #""traces": { "endpoint": "https://collector:4318/v1/traces", "sample": 0.5, "service_name": "a", "#
            + #""headers": { "x-key": { "file": "sessions.key" } }, "tls": { "ca": "ca.pem" } }, "#
            + #""development": { "authorization_server": "127.0.0.1:1", "servers": { "files": "127.0.0.1:2" } }"#
    )

    @Test func `never traps on damaged text`() throws {
        var generator = SeededGenerator(state: 2026)
        let good = Array(Self.good.utf8)
        var loaded = 0
        var refused = 0
        for _ in 0..<3000 {
            var text = good
            for _ in 0..<Int.random(in: 1...4, using: &generator) {
                let place = Int.random(in: 0...text.count, using: &generator)
                let end = min(text.count, place + Int.random(in: 0...6, using: &generator))
                let token = Self.tokens.randomElement(using: &generator) ?? ""
                switch Int.random(in: 0..<4, using: &generator) {
                case 0: text.replaceSubrange(place..<end, with: token.utf8)
                case 1: text.removeSubrange(place..<end)
                case 2: text.insert(UInt8.random(in: 0...255, using: &generator), at: place)
                default: text.insert(contentsOf: text[place..<end], at: place)
                }
            }
            do throws(ConfigurationError) {
                _ = try ConfigurationLoader.compile(
                    ConfigurationSource(name: "gateway.json", text: text),
                    beside: Sample.surroundings()
                )
                loaded += 1
            } catch {
                refused += 1
                let hasError = error.diagnostics.contains { $0.severity == .error }
                #expect(hasError, "\(String(decoding: text, as: UTF8.self))")
            }
        }
        #expect(loaded > 0)
        #expect(refused > 1000)
    }
}
