// How endpoints are looked after, as it is written: checks, ejection, limits.

internal import HTTP
internal import JSON
internal import Policy

/// Members of the active checks of an upstream.
enum HealthMember: String, MemberName {
    case path, interval, timeout, unhealthy, healthy

    static let object = "the checks of an upstream"
}

/// Members of the ejection of endpoints.
enum EjectionMember: String, MemberName {
    case failures, time
    case maximumTime = "maximum_time"

    static let object = "the ejection of endpoints"
}

/// Members of the limits of an endpoint.
enum EndpointLimitMember: String, MemberName {
    case connections, requests, queue
    case queueTimeout = "queue_timeout"

    static let object = "the limits of an endpoint"
}

extension EndpointRules {
    private static let hour = 3_600_000

    /// Reads the members of an upstream that say how its endpoints are looked after; what is absent or reported keeps its
    /// default.
    init(_ members: ObjectReader<UpstreamMember>?) {
        self.init()
        check = members?[.health].flatMap { HealthCheckRules($0) }
        members?[.ejection].map { ejection = EjectionRules($0) }
        members?[.limits].map { limits = EndpointLimits($0) }
        slowStart = members?[.slowStart]?.quantity(.duration, in: 0...Self.hour) ?? slowStart
    }
}

extension HealthCheckRules {
    /// Reads the checks; nil if they are no object.
    fileprivate init?(_ node: Node) {
        guard let members = ObjectReader(node, of: HealthMember.self) else { return nil }
        self.init()
        path = members[.path]?.checkedPath()
        interval = members[.interval]?.quantity(.duration, in: 100...3_600_000) ?? interval
        timeout = members[.timeout]?.quantity(.duration, in: 10...60_000) ?? timeout
        unhealthy = members[.unhealthy]?.count(in: 1...100) ?? unhealthy
        healthy = members[.healthy]?.count(in: 1...100) ?? healthy
    }
}

extension Node {
    /// The path of a check, which may have a query.
    fileprivate func checkedPath() -> String? {
        guard let path = string("a path such as \"/healthz\"") else { return nil }
        guard path.hasPrefix("/"), (try? HTTPURL("http://localhost\(path)", allowsQuery: true)) != nil else {
            error("\"\(path)\" is not a path.", "Write a path such as \"/healthz\".")
            return nil
        }
        return path
    }
}

extension EjectionRules {
    /// Reads the ejection of endpoints.
    fileprivate init(_ node: Node) {
        self.init()
        guard let members = ObjectReader(node, of: EjectionMember.self) else { return }
        failures = members[.failures]?.count(in: 0...1000) ?? failures
        time = members[.time]?.quantity(.duration, in: 100...3_600_000) ?? time
        maximumTime =
            members[.maximumTime]?.quantity(.duration, in: 100...86_400_000) ?? max(maximumTime, time)
        guard maximumTime < time else { return }
        (members[.maximumTime] ?? members[.time] ?? node).error(
            "\"maximum_time\" is less than \"time\".",
            "Raise the one or lower the other."
        )
    }
}

extension EndpointLimits {
    /// Reads the limits of an endpoint.
    fileprivate init(_ node: Node) {
        self.init()
        guard let members = ObjectReader(node, of: EndpointLimitMember.self) else { return }
        connections = members[.connections]?.count(in: 1...1_000_000)
        requests = members[.requests]?.count(in: 1...1_000_000)
        queue = members[.queue]?.count(in: 0...10_000) ?? queue
        queueTimeout = members[.queueTimeout]?.quantity(.duration, in: 10...300_000) ?? queueTimeout
        guard members[.connections] == nil, members[.requests] == nil else { return }
        node.error(
            "These limits limit nothing: a queue without a limit is always empty.",
            "Add \"requests\" or \"connections\", or remove \"limits\"."
        )
    }
}
