// What one worker counts: plain numbers that it owns, and that others get a copy of.

public import OpenSSL
public import Policy

/// The counters of one route.
public enum RouteColumn {
    /// Requests that went on and were answered.
    public static let allowed = 0
    /// Event streams that are open now.
    public static let streams = 1
    /// Times of requests that went on.
    public static let latency = 2
    /// Times from sending a request on to the head of its response.
    public static let upstreamLatency = latency + LatencyHistogram.width
    /// Number of counters.
    public static let width = upstreamLatency + LatencyHistogram.width
}

/// The counters of one endpoint.
public enum EndpointColumn: Int, CaseIterable, Sendable {
    /// Requests that were sent there.
    case requests
    /// Attempts to connect that failed, look-ups of its name included.
    case failures
    /// Connections that are open now.
    case connections
    /// Connections that wait for a request now.
    case idle
    /// Requests that are there now.
    case active
    /// When a connection was made last, and when an attempt failed last: milliseconds since the Unix epoch.
    case connectedAt, failedAt
}

/// Counters that belong to no route and no endpoint.
public struct WorkerTotals: Sendable {
    /// Requests that have ended.
    public internal(set) var requests = 0
    /// Requests that have begun and not ended.
    public internal(set) var inFlight = 0
    /// Event streams that are open now.
    public internal(set) var streams = 0
    /// Connections of clients that were taken.
    public internal(set) var accepted = 0
    /// Pauses in accepting.
    public internal(set) var pauses = 0
    /// Handshakes with endpoints that failed.
    public internal(set) var upstreamTLSFailures = 0
    /// Replays beyond those that are told apart.
    public internal(set) var otherReplays = 0

    /// Nothing was counted yet.
    init() {}
}

/// Why a connection of a client was closed before its first request.
public enum ConnectionRefusal: String, CaseIterable, Sendable {
    /// TLS failed: no common version or cipher, no acceptable certificate, or octets that are no TLS.
    case tls
    /// The header of the PROXY protocol is missing or malformed.
    case proxyProtocol = "proxy_protocol"
    /// The handshake took too long.
    case timeout
    /// The client broke the connection off.
    case aborted
    /// Its address has as many connections as it may have.
    case addressConnections = "address_connections"
    /// Its address begins TLS too often.
    case addressHandshakes = "address_handshakes"
}

/// A kind of TLS handshakes that succeeded.
public struct HandshakeKind: Sendable, CaseIterable {
    /// Whether a client began it, and not the gateway.
    public let isClient: Bool
    /// The version.
    public let version: TLSVersion
    /// Whether an earlier session was resumed.
    public let isResumed: Bool

    /// All kinds, by number.
    public static let allCases: [HandshakeKind] = (0..<8).map { number in
        HandshakeKind(
            isClient: number & 4 == 0,
            version: number & 2 == 0 ? .tls12 : .tls13,
            isResumed: number & 1 != 0
        )
    }

    /// Its place in `allCases`.
    var number: Int { (isClient ? 0 : 4) + (version == .tls12 ? 0 : 2) + (isResumed ? 1 : 0) }
}

/// How long a request took that went on, in microseconds.
struct RequestTimes {
    /// All in all.
    let whole: Int
    /// From sending it on to the head of the response, nil if there was none.
    let upstream: Int?
}

/// From which route a token came, and to which one: the rows of both.
public struct ReplayPair: Hashable, Sendable {
    /// The route that the token was issued for.
    public let issuedFor: Int
    /// The route where it was presented.
    public let presentedAt: Int
}

/// How often a token of one route was presented at another.
public struct ReplayCount: Sendable {
    /// How often.
    public internal(set) var count = 0
    /// When last, in seconds since the Unix epoch.
    public internal(set) var last = 0
}

/// Counts what one worker does, from its beginning on. A class whose parts are classes and numbers, so that counting
/// costs additions and no checks of who else may be counting.
final class WorkerCounters {
    /// Most pairs of routes whose replays are told apart.
    static let maximumReplayPairs = 1000

    /// By route; row 0 is for requests without one.
    let routes = CounterRows(width: RouteColumn.width)
    /// By endpoint.
    let endpoints = CounterRows(width: EndpointColumn.allCases.count)
    /// By route, how often each reason but `allowed` ended a request; the codes are the numbers of reasons.
    private(set) var reasons = CodeRows(codes: Reason.all.count)
    /// Tokens of one route at another one.
    private(set) var replays: [ReplayPair: ReplayCount] = [:]
    /// Handshakes that succeeded, by the number of their kind.
    private var handshakes = [Int](repeating: 0, count: HandshakeKind.allCases.count)
    /// Connections that were closed before their first request, by reason.
    private var refusals: [ConnectionRefusal: Int] = [:]
    /// What belongs to no route and no endpoint.
    var totals = WorkerTotals()

    /// Counts the end of a request of the route at `row`; `times` is nil if it did not go on.
    func countEnd(row: Int, _ reason: Reason, _ times: RequestTimes? = nil) {
        totals.requests &+= 1
        totals.inFlight &-= 1
        let isAllowed = if case .access(.allowed) = reason { true } else { false }
        if !isAllowed { reasons.add(row: row, code: reason.number) }
        guard isAllowed || times != nil else { return }
        routes.change(row: row) { counters, start in
            if isAllowed { counters[start + RouteColumn.allowed] &+= 1 }
            guard let times else { return }
            LatencyHistogram.count(times.whole, in: &counters, at: start + RouteColumn.latency)
            guard let upstream = times.upstream else { return }
            LatencyHistogram.count(upstream, in: &counters, at: start + RouteColumn.upstreamLatency)
        }
    }

    /// Counts the opening of an event stream, or its end.
    func countStream(row: Int, _ change: Int) {
        routes.add(change, row: row, RouteColumn.streams)
        totals.streams &+= change
    }

    /// Counts a token of one route at another.
    func countReplay(_ pair: ReplayPair, now: Int) {
        guard replays[pair] != nil || replays.count < Self.maximumReplayPairs else {
            totals.otherReplays += 1
            return
        }
        replays[pair, default: ReplayCount()].count += 1
        replays[pair]?.last = now
    }

    /// Counts a TLS handshake that is done.
    func count(_ kind: HandshakeKind) { handshakes[kind.number] += 1 }

    /// Counts a connection that was closed before its first request.
    func count(_ refusal: ConnectionRefusal) { refusals[refusal, default: 0] += 1 }

    /// Makes the rows of routes and endpoints ready for others.
    func clear(routes cleared: [Int], endpoints: [Int]) {
        for row in cleared {
            routes.clear(row: row)
            reasons.clear(row: row)
        }
        for row in endpoints { self.endpoints.clear(row: row) }
        guard !cleared.isEmpty, !replays.isEmpty else { return }
        let gone = Set(cleared)
        replays = replays.filter { !gone.contains($0.key.issuedFor) && !gone.contains($0.key.presentedAt) }
    }

    /// What was counted so far; nothing is copied but references.
    var now: WorkerCounts {
        WorkerCounts(
            routes: routes.table,
            reasons: reasons,
            endpoints: endpoints.table,
            replays: replays,
            handshakes: handshakes,
            refusals: refusals,
            totals: totals
        )
    }
}

/// Everything that one worker had counted at one moment.
public struct WorkerCounts: Sendable {
    /// Most pairs of routes whose replays are told apart.
    public static let maximumReplayPairs = WorkerCounters.maximumReplayPairs

    /// By route; row 0 is for requests without one.
    public let routes: CounterTable
    /// By route, how often each reason but `allowed` ended a request; the codes are the numbers of reasons.
    public let reasons: CodeRows
    /// By endpoint.
    public let endpoints: CounterTable
    /// Tokens of one route at another one.
    public let replays: [ReplayPair: ReplayCount]
    /// Handshakes that succeeded, by the number of their kind.
    public let handshakes: [Int]
    /// Connections that were closed before their first request, by reason.
    public let refusals: [ConnectionRefusal: Int]
    /// What belongs to no route and no endpoint.
    public let totals: WorkerTotals
}

/// What a worker has counted, and how it is, at one moment.
public struct WorkerReport: Sendable {
    /// Which of the workers it is.
    public let worker: Int
    /// The generation of configuration that it works with.
    public let generation: Int
    /// What it has counted.
    public let counts: WorkerCounts
    /// Connections of clients that are open.
    public let connections: Int
    /// Octets that it holds of what is held whole.
    public let bufferedBytes: Int
    /// Tokens that it remembers.
    public let tokens: Int
    /// How often it was asked for one.
    public let tokenCounts: TokenCacheCounts
}
