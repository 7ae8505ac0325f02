// How the endpoints of a server are looked after: checks, ejection, slow return, limits.

/// Active checks: a GET of a path, again and again.
public struct HealthCheckRules: Hashable, Sendable {
    /// The path that is asked for; nil for the endpoint's own.
    public var path: String?
    /// From the end of one check to the next, in milliseconds.
    public var interval = 5000
    /// Longest time of a check, in milliseconds.
    public var timeout = 2000
    /// Failed checks in a row after which the endpoint is down.
    public var unhealthy = 3
    /// Good checks in a row after which it is up again.
    public var healthy = 2

    /// Makes the rules that hold unless something else is said.
    public init() {}
}

/// Passive checks: what requests find out.
public struct EjectionRules: Hashable, Sendable {
    /// Failures in a row after which an endpoint is ejected; 0: never.
    public var failures = 5
    /// How long the first ejection lasts, in milliseconds. Each that follows soon lasts twice as long.
    public var time = 10_000
    /// Longest ejection, in milliseconds.
    public var maximumTime = 300_000

    /// Makes the rules that hold unless something else is said.
    public init() {}
}

/// What an endpoint gets at most of this process, all of its addresses together.
public struct EndpointLimits: Hashable, Sendable {
    /// Connections; nil for any number.
    public var connections: Int?
    /// Requests at a time, those that only listen left out; nil for any number.
    public var requests: Int?
    /// Requests that wait for one of the two.
    public var queue = 100
    /// Longest time that a request waits, in milliseconds.
    public var queueTimeout = 1000

    /// Makes limits that limit nothing.
    public init() {}
}

/// All of it.
public struct EndpointRules: Hashable, Sendable {
    /// Active checks, nil for none.
    public var check: HealthCheckRules?
    /// Passive checks.
    public var ejection = EjectionRules()
    /// Milliseconds over which an endpoint that is back takes up its share.
    public var slowStart = 30_000
    /// The limits.
    public var limits = EndpointLimits()

    /// Makes the rules that hold unless something else is said.
    public init() {}
}
