// Every rule that the configuration itself, a listener, the limits or the development setup can break: one row each.

import Configuration
import Testing

@Suite struct ObjectTests {
    @Test(arguments: [
        Expectation("", "An array cannot stand here. Write the configuration as an object.", "§[]"),
        Expectation(
            "",
            "\"listeners\" is missing",
            #"§{ "routes": [\#(Sample.files)], "issuers": \#(Sample.corp) }"#
        ),
        Expectation("/workers", "from 0 to 1024", Sample.root(#""workers": §1025"#)),
        Expectation("/workers", "out of bounds", Sample.root(#""workers": §-1"#)),
        Expectation("/workers", "out of bounds", Sample.root(#""workers": §1.5"#)),
        Expectation(
            "/workers",
            "A string cannot stand here. Write a whole number.",
            Sample.root(#""workers": §"2""#)
        ),
        Expectation(
            "/wrokers",
            "\"wrokers\" is unknown here. Did you mean \"workers\"?",
            Sample.root(#"§"wrokers": 2"#)
        ),
        Expectation("/a~1~0b", "Members of the configuration: \"listeners\"", Sample.root(#"§"a/~b": 2"#)),
        Expectation(
            "/scope_implications/a",
            "Write a list of scopes",
            Sample.root(#""scope_implications": { "a": §"b" }"#)
        ),
        Expectation(
            "/scope_implications/a b",
            "not a scope",
            Sample.root(#""scope_implications": { "a b": §[] }"#)
        ),
        Expectation(
            "/scope_implications/a/0",
            "offline_access",
            Sample.root(#""scope_implications": { "a": [§"offline_access"] }"#)
        ),
        Expectation(
            "/log/level",
            "Did you mean \"warning\"?",
            Sample.root(#""log": { "level": §"warnin" }"#)
        ),
        Expectation("/log/level", "\"trace\" or \"debug\"", Sample.root(#""log": { "level": §3 }"#)),
        Expectation(
            "/log/access",
            "Write \"stdout\", \"off\"",
            Sample.root(#""log": { "access": §"stderr" }"#)
        ),
        Expectation("/log/access", "\"file\" is missing", Sample.root(#""log": { "access": §{} }"#)),
        Expectation(
            "/log/access/file",
            "not the path of a file",
            Sample.root(#""log": { "access": { "file": §"" } }"#)
        ),
        Expectation("/include", "a list of glob patterns", Sample.root(#""include": §"routes.d/*.json""#)),
        Expectation("/include/0", "There is no file \"a.json\"", Sample.root(#""include": [§"a.json"]"#)),
    ])
    func `refuses a wrong member of the configuration`(_ row: Expectation) { row.expectRefusal() }

    @Test(arguments: [
        Expectation(
            "/listeners",
            "The list is empty",
            Sample.file(listeners: "").replacing("[  ]", with: "§[]")
        ),
        Expectation(
            "/listeners/0",
            "A string cannot stand here",
            Sample.file(listeners: #"§"127.0.0.1:80""#)
        ),
        Expectation("/listeners/0", "\"address\" is missing", Sample.file(listeners: #"§{}"#)),
        Expectation(
            "/listeners/0/address",
            "not an address",
            Sample.file(listeners: #"{ "address": §"localhost:80" }"#)
        ),
        Expectation(
            "/listeners/0/address",
            "not an address",
            Sample.file(listeners: #"{ "address": §"127.0.0.1" }"#)
        ),
        Expectation(
            "/listeners/0/address",
            "not an address",
            Sample.file(listeners: #"{ "address": §"unix:relative" }"#)
        ),
        Expectation(
            "/listeners/0/address",
            "not an address",
            Sample.file(listeners: #"{ "address": §"127.0.0.1\u0000x:80" }"#)
        ),
        Expectation(
            "/listeners/0/address",
            "Port 0",
            Sample.file(listeners: #"{ "address": §"127.0.0.1:0" }"#)
        ),
        Expectation(
            "/listeners/0/address",
            "\"[v6]:port\"",
            Sample.file(listeners: #"{ "address": §"::1:80" }"#)
        ),
        Expectation(
            "/listeners/0/health_path",
            "not a canonical path",
            Sample.listener(#""health_path": §"healthz""#)
        ),
        Expectation(
            "/listeners/0/health_path",
            "not a canonical path",
            Sample.listener(#""health_path": §"/a/../b""#)
        ),
        Expectation(
            "/listeners/0/health_path",
            "not a canonical path",
            Sample.listener(#""health_path": §"/a?b""#)
        ),
        Expectation(
            "/listeners/0/health_path",
            "not a canonical path",
            Sample.listener(#""health_path": §"/a/""#)
        ),
        Expectation("/listeners/0/health_path", "hide every route", Sample.listener(#""health_path": §"/""#)),
        Expectation(
            "/listeners/0/health_path",
            "reserved space \"/.well-known\"",
            Sample.listener(#""health_path": §"/.well-known/up""#)
        ),
    ])
    func `refuses a wrong listener`(_ row: Expectation) { row.expectRefusal() }

    @Test(arguments: [
        Expectation("/limits", "Write the limits as an object", Sample.root(#""limits": §[]"#)),
        Expectation("/limits/body_size", "unknown here", Sample.root(#""limits": { §"body_size": 1 }"#)),
        Expectation(
            "/limits/body_bytes",
            "from 1KiB to 256MiB",
            Sample.root(#""limits": { "body_bytes": §"1GiB" }"#)
        ),
        Expectation(
            "/limits/body_bytes",
            "Write a size such as",
            Sample.root(#""limits": { "body_bytes": §4096 }"#)
        ),
        Expectation(
            "/limits/body_bytes",
            "not a quantity",
            Sample.root(#""limits": { "body_bytes": §"4MB" }"#)
        ),
        Expectation(
            "/limits/body_bytes",
            "not a quantity",
            Sample.root(#""limits": { "body_bytes": §"99999999999999999999B" }"#)
        ),
        Expectation(
            "/limits/body_bytes",
            "not a quantity",
            Sample.root(#""limits": { "body_bytes": §"9999999999999999GiB" }"#)
        ),
        Expectation(
            "/limits/header_bytes",
            "from 4KiB to 1MiB",
            Sample.root(#""limits": { "header_bytes": §"0B" }"#)
        ),
        Expectation(
            "/limits/window_bytes",
            "from 4KiB to 16MiB",
            Sample.root(#""limits": { "window_bytes": §"1KiB" }"#)
        ),
        Expectation(
            "/limits/connections",
            "from 1 to 1000000",
            Sample.root(#""limits": { "connections": §0 }"#)
        ),
        Expectation(
            "/limits/tokens",
            "from 1 to 1000000",
            Sample.root(#""limits": { "tokens": §9223372036854775807 }"#)
        ),
        Expectation(
            "/limits/idle_upstream_connections",
            "from 0 to 10000",
            Sample.root(#""limits": { "idle_upstream_connections": §-1 }"#)
        ),
        Expectation(
            "/limits/header_timeout",
            "from 100ms to 5m",
            Sample.root(#""limits": { "header_timeout": §"1h" }"#)
        ),
        Expectation(
            "/limits/body_timeout",
            "from 100ms to 1h",
            Sample.root(#""limits": { "body_timeout": §"1ms" }"#)
        ),
        Expectation(
            "/limits/idle_timeout",
            "not a quantity",
            Sample.root(#""limits": { "idle_timeout": §"-5s" }"#)
        ),
        Expectation(
            "/limits/upstream_idle_timeout",
            "from 100ms to 1h",
            Sample.root(#""limits": { "upstream_idle_timeout": §"2h" }"#)
        ),
        Expectation(
            "/limits/drain_delay",
            "from 0ms to 1h",
            Sample.root(#""limits": { "drain_delay": §"3601s" }"#)
        ),
        Expectation(
            "/limits/upgrade_timeout",
            "from 1s to 1h",
            Sample.root(#""limits": { "upgrade_timeout": §"999ms" }"#)
        ),
        Expectation(
            "/limits/drain_timeout",
            "from 0ms to 1h",
            Sample.root(#""limits": { "drain_timeout": §"61m" }"#)
        ),
        Expectation(
            "/limits/header_fields",
            "from 10 to 1000",
            Sample.root(#""limits": { "header_fields": §9 }"#)
        ),
        Expectation(
            "/limits/handshake_timeout",
            "from 100ms to 5m",
            Sample.root(#""limits": { "handshake_timeout": §"0s" }"#)
        ),
        Expectation(
            "/limits/streams_per_connection",
            "from 1 to 1000",
            Sample.root(#""limits": { "streams_per_connection": §0 }"#)
        ),
        Expectation(
            "/limits/header_table_bytes",
            "from 0B to 64KiB",
            Sample.root(#""limits": { "header_table_bytes": §"65KiB" }"#)
        ),
        Expectation(
            "/limits/continuation_frames",
            "from 0 to 1000",
            Sample.root(#""limits": { "continuation_frames": §-1 }"#)
        ),
        Expectation(
            "/limits/ping_frames",
            "Write a whole number",
            Sample.root(#""limits": { "ping_frames": §"200" }"#)
        ),
        Expectation(
            "/limits/window_updates",
            "from 1 to 1000000",
            Sample.root(#""limits": { "window_updates": §1000001 }"#)
        ),
    ])
    func `refuses a wrong limit`(_ row: Expectation) { row.expectRefusal() }

    @Test(arguments: [
        Expectation("/limits/rates", "Write the rates as an object", rates(#"§"off""#)),
        Expectation("/limits/rates/subject", "unknown here", rates(#"{ §"subject": "off" }"#)),
        Expectation("/limits/rates/client", "or \"off\"", rates(#"{ "client": §100 }"#)),
        Expectation("/limits/rates/client", "or \"off\"", rates(#"{ "client": §"none" }"#)),
        Expectation("/limits/rates/client", "\"per\" is missing", rates(#"{ "client": §{ "count": 1 } }"#)),
        Expectation(
            "/limits/rates/client",
            "\"count\" is missing",
            rates(#"{ "client": §{ "per": "1s" } }"#)
        ),
        Expectation(
            "/limits/rates/principal/count",
            "from 1 to 1000000",
            rates(#"{ "principal": { "count": §0, "per": "1s" } }"#)
        ),
        Expectation(
            "/limits/rates/principal/count",
            "from 1 to 1000000",
            rates(#"{ "principal": { "count": §0.5, "per": "1s" } }"#)
        ),
        Expectation(
            "/limits/rates/principal/per",
            "from 1s to 1h",
            rates(#"{ "principal": { "count": 1, "per": §"2h" } }"#)
        ),
        Expectation(
            "/limits/rates/refusals/per",
            "Write a duration such as",
            rates(#"{ "refusals": { "count": 1, "per": §1 } }"#)
        ),
        Expectation(
            "/limits/rates/handshakes/burst",
            "from 1 to 1000000",
            rates(#"{ "handshakes": { "count": 1, "per": "1s", "burst": §1000001 } }"#)
        ),
        Expectation(
            "/limits/rates/handshakes/requests",
            "Members of a rate: \"count\", \"per\", \"burst\"",
            rates(#"{ "handshakes": { "count": 1, "per": "1s", §"requests": 1 } }"#)
        ),
        Expectation("/limits/rates/tools", "an object with a rate for each", rates(#"{ "tools": §[] }"#)),
        Expectation(
            "/limits/rates/tools/delete_*",
            "looks like a pattern",
            rates(#"{ "tools": { §"delete_*": { "count": 1, "per": "1s" } } }"#)
        ),
        Expectation(
            "/limits/rates/tools/a",
            "Nothing is taken away here",
            rates(#"{ "tools": { "a": §"off" } }"#)
        ),
        Expectation(
            "/limits/rates/tools/*",
            "Nothing is taken away here",
            rates(#"{ "tools": { "*": §"off" } }"#)
        ),
    ])
    func `refuses a wrong rate`(_ row: Expectation) { row.expectRefusal() }

    private static func rates(_ text: String) -> String {
        Sample.root(#""limits": { "rates": \#(text) }"#)
    }

    @Test func `warns of a server that may take longer than any request`() {
        let row = Expectation(
            "/routes/0/upstream/response_timeout",
            "ends every request after 15m",
            Sample.upstream(#"{ "endpoints": ["http://a"], "response_timeout": §"16m" }"#)
        )
        let found = diagnostics(of: row.text)
        #expect(found.count == 1 && found.allSatisfy { $0.severity == .warning && row.matches($0) })
        let good = Sample.file(
            routes: Sample.files.replacing(
                #""http://10.0.0.5:3001/mcp""#,
                with: #"{ "endpoints": ["http://a"], "response_timeout": "16m" }"#
            ),
            more: #", "limits": { "request_timeout": "16m" }"#
        )
        #expect(diagnostics(of: good).isEmpty)
    }

    @Test(arguments: [
        Expectation(
            "/development",
            "\"authorization_server\" is missing",
            Sample.root(#""development": §{}"#)
        ),
        Expectation(
            "/development/servers/mail",
            "Members of the sample servers: \"files\", \"calendar\"",
            Sample.root(
                #""development": { "authorization_server": "127.0.0.1:1", "servers": { §"mail": "127.0.0.1:2" } }"#
            )
        ),
        Expectation(
            "/development/authorization_server",
            "Others could reach",
            Sample.root(#""development": { "authorization_server": §"0.0.0.0:1" }"#)
        ),
        Expectation(
            "/development/servers/files",
            "Others could reach",
            Sample.root(
                #""development": { "authorization_server": "127.0.0.1:1", "servers": { "files": §"10.0.0.1:2" } }"#
            )
        ),
        Expectation(
            "/development/servers/calendar",
            "taken at gateway.json:5",
            Sample.root(
                #""development": { "authorization_server": "127.0.0.1:1", "servers": { "files": "127.0.0.1:2", "calendar": §"127.0.0.1:2" } }"#
            )
        ),
        Expectation(
            "/development/authorization_server",
            "taken at gateway.json:2",
            Sample.root(#""development": { "authorization_server": §"127.0.0.1:8080" }"#)
        ),
        Expectation(
            "/listeners/0/address",
            "give tokens to everybody",
            Sample.file(
                listeners: #"{ "address": §"0.0.0.0:8080" }"#,
                more: #", "development": { "authorization_server": "127.0.0.1:1" }"#
            )
        ),
    ])
    func `refuses a wrong development setup`(_ row: Expectation) { row.expectRefusal() }
}
