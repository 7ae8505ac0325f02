// What comes of a good configuration: every member arrives where it belongs, and what is absent has its default.

import Bytes
import Configuration
import HTTP
import JOSE
import Policy
import Testing

@Suite struct ResultTests {
    private func compile(_ text: String, directory: String = "/etc/audgate") throws -> GatewayConfiguration {
        let source = ConfigurationSource(name: "gateway.json", directory: directory, text: Array(text.utf8))
        return try ConfigurationLoader.compile(source, beside: Sample.surroundings())
    }

    @Test func `gives everything that is absent its default`() throws {
        let configuration = try compile(Sample.file())
        let snapshot = configuration.snapshot
        #expect(configuration.workers == 0)
        #expect(configuration.log == LogSettings())
        #expect(configuration.development == nil)
        #expect(snapshot.limits == Limits())
        let listener = try #require(snapshot.listeners.first)
        #expect(snapshot.listeners.count == 1)
        #expect(listener.address == "127.0.0.1:8080")
        #expect(listener.healthPath == "/healthz")
        #expect(listener.tls == nil)
        #expect(listener.proxyNetworks == [])
        let issuer = try #require(snapshot.issuers.first)
        #expect(issuer.rules.algorithms == TokenRules.defaultAlgorithms)
        #expect(issuer.rules.clockSkew == 30)
        #expect(issuer.keyMaximumAge == 86_400)
        #expect(issuer.otherAudiences == [])
        let route = try #require(snapshot.routes.first)
        #expect(!route.coversSubpaths)
        #expect(route.scopes == [])
        #expect(route.place == RoutePlace(authority: "mcp.example.com", path: "/files"))
        #expect(route.upstream.credentials == .forward)
        #expect(route.upstream.connectTimeout == 5000)
        #expect(route.upstream.responseTimeout == 300_000)
    }

    @Test func `takes every member of an issuer`() throws {
        let text = Sample.issuer(
            #""issuer": "https://Login.example.com/x/", "keys": { "file": "keys/corp.json" }, "algorithms": ["EdDSA"], "#
                + #""token_type": "at+jwt", "clock_skew": "1m", "other_audiences": ["account"], "key_maximum_age": "2h""#
        )
        let issuer = try #require(try compile(text).snapshot.issuers.first)
        #expect(issuer.name == "corp")
        #expect(issuer.rules.issuer == "https://Login.example.com/x/")
        #expect(issuer.keySource == .file("/etc/audgate/keys/corp.json"))
        #expect(issuer.rules.algorithms == [.eddsa])
        #expect(issuer.rules.tokenType == .accessToken)
        #expect(issuer.rules.clockSkew == 60)
        #expect(issuer.rules.maximumLifetime == 3600)
        #expect(issuer.otherAudiences == ["account"])
        #expect(issuer.keyMaximumAge == 7200)
    }

    @Test func `takes the three sources of keys`() throws {
        func source(_ keys: String) throws -> KeySource? {
            try compile(Sample.issuer("\"issuer\": \"http://localhost:1/\"\(keys)")).snapshot.issuers.first?
                .keySource
        }
        #expect(try source("") == .discover)
        #expect(try source(", \"keys\": \"discover\"") == .discover)
        #expect(try source(", \"keys\": { \"uri\": \"http://[::1]:2/k?x\" }") == .uri("http://[::1]:2/k?x"))
        #expect(try source(", \"keys\": { \"file\": \"/k\" }") == .file("/k"))
    }

    @Test func `takes every member of a route`() throws {
        let text = Sample.file(
            routes: #"""
                { "resource": "https://mcp.example.com/files", "issuer": ["corp"], "subpaths": true, "scopes": ["a", "b"],
                  "audience_aliases": ["api://files", "files-api"], "origins": ["https://app.example.com", "vscode://x"],
                  "match": { "host": "internal:8080", "path": "/" }, "metadata": { "resource_name": "Files" },
                  "upstream": { "endpoints": ["http://Files:80", "http://[::1]:3001/mcp"], "credentials": "strip",
                                "connect_timeout": "250ms", "response_timeout": "24h" } }
                """#
        )
        let snapshot = try compile(text).snapshot
        let route = try #require(snapshot.routes.first)
        #expect(route.issuers == [IssuerID(0)])
        #expect(route.coversSubpaths)
        #expect(route.scopes == ["a", "b"])
        #expect(route.audienceAliases == ["api://files", "files-api"])
        #expect(route.origins == ["https://app.example.com", "vscode://x"])
        #expect(route.place == RoutePlace(authority: "internal:8080", path: ""))
        #expect(
            route.upstream.endpoints == [
                Endpoint(host: "files", port: 80, authority: "files", path: "/"),
                Endpoint(host: "::1", port: 3001, authority: "[::1]:3001", path: "/mcp"),
            ]
        )
        #expect(route.upstream.credentials == .strip)
        #expect(route.upstream.connectTimeout == 250)
        #expect(route.upstream.responseTimeout == 86_400_000)
        let octets = route.metadataDocument
        let document = String(lossy: octets.span)
        #expect(document.contains("\"resource_name\":\"Files\""))
        #expect(document.contains("\"authorization_servers\":[\"https://login.example.com\"]"))
    }

    @Test func `takes the members of the configuration itself`() throws {
        let text = Sample.root(
            #""workers": 4, "scope_implications": { "admin": ["write"], "write": ["read"] }, "#
                + #""log": { "level": "debug", "access": { "file": "access.log" } }"#
        )
        let configuration = try compile(text)
        #expect(configuration.workers == 4)
        #expect(configuration.snapshot.scopeImplications["admin"]?.isSuperset(of: ["write", "read"]) == true)
        #expect(configuration.log.level == .debug)
        #expect(configuration.log.access == .file("/etc/audgate/access.log"))
        let off = try compile(Sample.root(#""log": { "access": "off" }"#))
        #expect(off.log.access == .off)
    }

    @Test func `takes every limit`() throws {
        let text = Sample.root(
            #""limits": { "header_bytes": "8KiB", "body_bytes": "1MiB", "connections": 1, "window_bytes": "8192B", "buffered_bytes": "2MiB", "#
                + #""tokens": 2, "idle_upstream_connections": 0, "header_timeout": "1s", "body_timeout": "2s", "#
                + #""idle_timeout": "3s", "upstream_idle_timeout": "4000ms", "drain_timeout": "0s", "#
                + #""drain_delay": "7s", "upgrade_timeout": "8s", "#
                + #""header_fields": 20, "handshake_timeout": "5s", "streams_per_connection": 10, "#
                + #""header_table_bytes": "0B", "continuation_frames": 0, "reset_streams": 1, "ping_frames": 2, "#
                + #""settings_frames": 3, "empty_frames": 4, "priority_frames": 5, "window_updates": 6, "#
                + #""connections_per_address": 7, "requests": 8, "rate_entries": 2048, "body_rate": "1KiB", "#
                + #""request_timeout": "6s" }"#
        )
        let limits = try compile(text).snapshot.limits
        var expected = Limits()
        expected.messages.headerBytes = 8192
        expected.bodyBytes = 1 << 20
        expected.connections = 1
        expected.windowBytes = 8192
        expected.bufferedBytes = 2 << 20
        expected.tokens = 2
        expected.idleUpstreamConnections = 0
        expected.headerTimeout = 1000
        expected.bodyTimeout = 2000
        expected.idleTimeout = 3000
        expected.upstreamIdleTimeout = 4000
        expected.drainTimeout = 0
        expected.drainDelay = 7000
        expected.upgradeTimeout = 8000
        expected.messages.fieldCount = 20
        expected.handshakeTimeout = 5000
        expected.http2.streams = 10
        expected.http2.headerTableBytes = 0
        expected.http2.continuationFrames = 0
        expected.http2.resetStreams = 1
        expected.http2.pingFrames = 2
        expected.http2.settingsFrames = 3
        expected.http2.emptyFrames = 4
        expected.http2.priorityFrames = 5
        expected.http2.windowUpdates = 6
        expected.connectionsPerAddress = 7
        expected.requests = 8
        expected.rateEntries = 2048
        expected.bodyRate = 1024
        expected.requestTimeout = 6000
        #expect(limits == expected)
    }

    @Test func `takes every rate`() throws {
        let text = Sample.root(
            #""limits": { "rates": { "principal": { "count": 1, "per": "1m" }, "#
                + #""client": { "count": 2, "per": "1s", "burst": 20 }, "#
                + #""tools": { "delete_file": { "count": 3, "per": "1h", "burst": 1 }, "list_files": "off", "#
                + #""*": { "count": 4, "per": "30s" } }, "#
                + #""refusals": "off", "handshakes": { "count": 5, "per": "1500ms" } } }"#
        )
        var expected = RateLimits()
        expected.principal = Rate(count: 1, period: 60_000, burst: 1)
        expected.client = Rate(count: 2, period: 1000, burst: 20)
        expected.tools = [
            "delete_file": Rate(count: 3, period: 3_600_000, burst: 1), "list_files": nil,
            "*": Rate(count: 4, period: 30_000, burst: 4),
        ]
        expected.refusals = nil
        expected.handshakes = Rate(count: 5, period: 1500, burst: 5)
        #expect(try compile(text).snapshot.limits.rates == expected)
        let empty = try compile(Sample.root(#""limits": { "rates": {} }"#)).snapshot.limits.rates
        #expect(empty == RateLimits())
        #expect(empty.refusals != nil && empty.handshakes != nil && empty.principal == nil)
    }

    @Test func `names a configuration by the digest of its text`() throws {
        let first = try compile(Sample.file()).snapshot.hash
        let again = try compile(Sample.file()).snapshot.hash
        let other = try compile(Sample.file() + "\n").snapshot.hash
        #expect(first.utf8.count == 64)
        #expect(first == again)
        #expect(first != other)
    }
}
