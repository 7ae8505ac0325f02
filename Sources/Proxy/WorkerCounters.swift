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
public enum WorkerColumn: Int, CaseIterable, Sendable {
    /// Requests that have ended.
    case requests
    /// Requests that have begun and not ended.
    case inFlight
    /// Event streams that are open now.
    case streams
    /// Connections of clients that were taken.
    case accepted
    /// Pauses in accepting.
    case pauses
    /// Handshakes with endpoints that failed.
    case upstreamTLSFailures
    /// Replays beyond those that are told apart.
    case otherReplays
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

/// Everything that one worker has counted since it began.
public struct WorkerCounters: Sendable {
    /// Most pairs of routes whose replays are told apart.
    public static let maximumReplayPairs = 1000

    /// By route; row 0 is for requests without one.
    public internal(set) var routes = CounterRows(width: RouteColumn.width)
    /// By route, how often each reason but `allowed` ended a request; the codes are the numbers of reasons.
    public internal(set) var reasons = CodeRows(codes: Reason.all.count)
    /// By endpoint.
    public internal(set) var endpoints = CounterRows(width: EndpointColumn.allCases.count)
    /// Tokens of one route at another one.
    public internal(set) var replays: [ReplayPair: ReplayCount] = [:]
    /// Handshakes that succeeded, by the number of their kind.
    public internal(set) var handshakes = [Int](repeating: 0, count: HandshakeKind.allCases.count)
    /// Connections that were closed before their first request, by reason.
    public internal(set) var refusals: [ConnectionRefusal: Int] = [:]
    private var own = [Int](repeating: 0, count: WorkerColumn.allCases.count)

    /// Nothing was counted yet.
    public init() {}

    /// One of the counters that belong to no route and no endpoint.
    public internal(set) subscript(column: WorkerColumn) -> Int {
        get { own[column.rawValue] }
        set { own[column.rawValue] = newValue }
    }

    /// Counts the end of a request of the route at `row`.
    mutating func countEnd(row: Int, _ reason: Reason) {
        own[WorkerColumn.requests.rawValue] &+= 1
        own[WorkerColumn.inFlight.rawValue] &-= 1
        if case .access(.allowed) = reason {
            routes.add(row: row, RouteColumn.allowed)
        } else {
            reasons.add(row: row, code: reason.number)
        }
    }

    /// Counts a time in one of the histograms of a route.
    mutating func countTime(row: Int, _ histogram: Int, microseconds: Int) {
        routes.add(row: row, histogram + LatencyHistogram.classNumber(of: microseconds))
        routes.add(microseconds, row: row, histogram + LatencyHistogram.classes)
    }

    /// Counts the opening of an event stream, or its end.
    mutating func countStream(row: Int, _ change: Int) {
        routes.add(change, row: row, RouteColumn.streams)
        own[WorkerColumn.streams.rawValue] &+= change
    }

    /// Counts a token of one route at another.
    mutating func countReplay(_ pair: ReplayPair, now: Int) {
        guard replays[pair] != nil || replays.count < Self.maximumReplayPairs else {
            self[.otherReplays] += 1
            return
        }
        replays[pair, default: ReplayCount()].count += 1
        replays[pair]?.last = now
    }

    /// Makes the rows of routes and endpoints ready for others.
    mutating func clear(routes cleared: [Int], endpoints: [Int]) {
        for row in cleared {
            routes.clear(row: row)
            reasons.clear(row: row)
        }
        for row in endpoints { self.endpoints.clear(row: row) }
        guard !cleared.isEmpty, !replays.isEmpty else { return }
        let gone = Set(cleared)
        replays = replays.filter { !gone.contains($0.key.issuedFor) && !gone.contains($0.key.presentedAt) }
    }
}

/// What a worker has counted, and how it is, at one moment.
public struct WorkerReport: Sendable {
    /// Which of the workers it is.
    public let worker: Int
    /// The generation of configuration that it works with.
    public let generation: Int
    /// What it has counted.
    public let counters: WorkerCounters
    /// Connections of clients that are open.
    public let connections: Int
    /// Octets that it holds of what is held whole.
    public let bufferedBytes: Int
    /// Tokens that it remembers.
    public let tokens: Int
    /// How often it was asked for one.
    public let tokenCounts: TokenCacheCounts

    /// Puts a report together.
    public init(
        worker: Int,
        generation: Int,
        counters: WorkerCounters,
        connections: Int = 0,
        bufferedBytes: Int = 0,
        tokens: Int = 0,
        tokenCounts: TokenCacheCounts = TokenCacheCounts()
    ) {
        self.worker = worker
        self.generation = generation
        self.counters = counters
        self.connections = connections
        self.bufferedBytes = bufferedBytes
        self.tokens = tokens
        self.tokenCounts = tokenCounts
    }
}
