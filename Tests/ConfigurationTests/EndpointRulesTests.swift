// How endpoints are looked after, as it is written.

import Policy
import Testing

@testable import Configuration

@Suite struct EndpointRulesTests {
    private static func upstream(_ members: String) -> String {
        Sample.upstream(#"{ "endpoints": ["http://a/mcp", "http://b/mcp"], \#(members) }"#)
    }

    private func rules(_ members: String) throws -> EndpointRules {
        try #require(try compile(Self.upstream(members)).snapshot.routes.first).upstream.rules
    }

    private func compile(_ text: String) throws -> GatewayConfiguration {
        let source = ConfigurationSource(name: "gateway.json", directory: "/", text: Array(text.utf8))
        return try ConfigurationLoader.compile(source, beside: Sample.surroundings())
    }

    @Test func `there are no checks and no limits where none are written`() throws {
        let rules = try rules(#""http2": false"#)
        #expect(rules == EndpointRules())
        #expect(rules.check == nil)
        #expect(rules.limits.requests == nil && rules.limits.connections == nil)
    }

    @Test func `checks without members have their defaults`() throws {
        #expect(try rules(#""health": {}"#).check == HealthCheckRules())
    }

    @Test func `takes every member`() throws {
        let rules = try rules(
            #""health": { "path": "/up?deep", "interval": "1s", "timeout": "20ms", "unhealthy": 1, "healthy": 100 },"#
                + #""ejection": { "failures": 0, "time": "1s", "maximum_time": "1s" }, "slow_start": "0s","#
                + #""limits": { "connections": 1, "requests": 2, "queue": 0, "queue_timeout": "10ms" }"#
        )
        var expected = EndpointRules()
        var check = HealthCheckRules()
        check.path = "/up?deep"
        (check.interval, check.timeout, check.unhealthy, check.healthy) = (1000, 20, 1, 100)
        expected.check = check
        (expected.ejection.failures, expected.ejection.time, expected.ejection.maximumTime) = (0, 1000, 1000)
        expected.slowStart = 0
        (expected.limits.connections, expected.limits.requests) = (1, 2)
        (expected.limits.queue, expected.limits.queueTimeout) = (0, 10)
        #expect(rules == expected)
    }

    @Test func `the longest ejection is not below the first one, whatever its default is`() throws {
        #expect(try rules(#""ejection": { "time": "10m" }"#).ejection.maximumTime == 600_000)
    }

    @Test(arguments: [
        Expectation("/routes/0/upstream/health", "Write the checks", upstream(#""health": §true"#)),
        Expectation("/routes/0/upstream/health/pth", "\"path\"", upstream(#""health": { §"pth": "/" }"#)),
        Expectation(
            "/routes/0/upstream/health/path",
            "not a path",
            upstream(#""health": { "path": §"up" }"#)
        ),
        Expectation(
            "/routes/0/upstream/health/path",
            "not a path",
            upstream(#""health": { "path": §"/a/../b" }"#)
        ),
        Expectation(
            "/routes/0/upstream/health/path",
            "not a path",
            upstream(#""health": { "path": §"/a\r\nX: y" }"#)
        ),
        Expectation(
            "/routes/0/upstream/health/interval",
            "from 100ms to 1h",
            upstream(#""health": { "interval": §"1ms" }"#)
        ),
        Expectation(
            "/routes/0/upstream/health/unhealthy",
            "from 1 to 100",
            upstream(#""health": { "unhealthy": §0 }"#)
        ),
        Expectation(
            "/routes/0/upstream/ejection/failures",
            "from 0 to 1000",
            upstream(#""ejection": { "failures": §-1 }"#)
        ),
        Expectation(
            "/routes/0/upstream/ejection/maximum_time",
            "less than \"time\"",
            upstream(#""ejection": { "time": "2s", "maximum_time": §"1s" }"#)
        ),
        Expectation(
            "/routes/0/upstream/limits",
            "limit nothing",
            upstream(#""limits": §{ "queue": 5 }"#)
        ),
        Expectation(
            "/routes/0/upstream/limits/requests",
            "from 1 to 1000000",
            upstream(#""limits": { "requests": §0 }"#)
        ),
        Expectation(
            "/routes/0/upstream/limits/queue_timeout",
            "from 10ms to 5m",
            upstream(#""limits": { "requests": 1, "queue_timeout": §"10m" }"#)
        ),
        Expectation("/routes/0/upstream/slow_start", "from 0ms to 1h", upstream(#""slow_start": §"2h""#)),
    ])
    func `refuses what cannot be`(_ row: Expectation) { row.expectRefusal() }
}
