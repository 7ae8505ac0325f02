// How an endpoint is, for people and for metrics.

internal import Policy
internal import Transport

/// An endpoint at one of its addresses, and how it is.
public struct EndpointState: Sendable, Equatable {
    /// The endpoint as logs and metrics name it.
    public let name: String
    /// The path of its URL.
    public let path: String
    /// The address with its port.
    public let address: String
    /// `unknown`, `up`, `ejected` or `down`.
    public let state: String
    /// Since when, in milliseconds since the Unix epoch; nil while nothing is known.
    public let since: Int?
    /// What went wrong last, empty if nothing has.
    public let reason: String
    /// Requests that failed in a row.
    public let failures: Int
    /// Requests of all workers that count against the endpoint's limit; nil without a limit.
    public let requests: Int?
    /// Connections of all workers that count against the endpoint's limit; nil without a limit.
    public let connections: Int?
    /// Requests that wait for one of the two.
    public let waiting: Int

    init(
        _ endpoint: PublishedEndpoint,
        _ address: SocketAddress,
        _ health: PlaceHealth?,
        _ now: (monotonic: Int, unix: Int)
    ) {
        name = endpoint.endpoint.name
        path = endpoint.endpoint.path
        self.address = "\(address)"
        let state = health?.state ?? .unknown
        self.state = state.rawValue
        since = state == .unknown ? nil : health.map { now.unix - (now.monotonic - $0.since) }
        reason = health?.reason ?? ""
        failures = health?.failures ?? 0
        let (requests, connections) = (endpoint.requestSlots?.use, endpoint.connectionSlots?.use)
        self.requests = requests?.used
        self.connections = connections?.used
        waiting = (requests?.waiting ?? 0) + (connections?.waiting ?? 0)
    }
}
