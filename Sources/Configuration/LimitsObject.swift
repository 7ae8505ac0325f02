// The limits as they are written: one row for each.

internal import HTTP
internal import Policy

/// Members of the limits.
enum LimitMember: String, MemberName {
    case headerBytes = "header_bytes"
    case headerFields = "header_fields"
    case bodyBytes = "body_bytes"
    case connections
    case connectionsPerAddress = "connections_per_address"
    case requests
    case windowBytes = "window_bytes"
    case bufferedBytes = "buffered_bytes"
    case rates
    case rateEntries = "rate_entries"
    case tokens
    case idleUpstreamConnections = "idle_upstream_connections"
    case handshakeTimeout = "handshake_timeout"
    case headerTimeout = "header_timeout"
    case bodyTimeout = "body_timeout"
    case bodyRate = "body_rate"
    case requestTimeout = "request_timeout"
    case idleTimeout = "idle_timeout"
    case upstreamIdleTimeout = "upstream_idle_timeout"
    case drainDelay = "drain_delay"
    case drainTimeout = "drain_timeout"
    case upgradeTimeout = "upgrade_timeout"
    case streamsPerConnection = "streams_per_connection"
    case headerTableBytes = "header_table_bytes"
    case continuationFrames = "continuation_frames"
    case resetStreams = "reset_streams"
    case pingFrames = "ping_frames"
    case settingsFrames = "settings_frames"
    case emptyFrames = "empty_frames"
    case priorityFrames = "priority_frames"
    case windowUpdates = "window_updates"

    static let object = "the limits"

    /// Where the limit is kept, and what it is: nil for a plain number.
    typealias Row = (
        limit: WritableKeyPath<Limits, Int>, quantity: Quantity?, bounds: ClosedRange<Int>
    )

    private static let kibibyte = 1 << 10
    private static let mebibyte = 1 << 20
    private static let hour = 3_600_000

    /// The row of this limit; nil if it is not one number. Durations are milliseconds.
    var row: Row? {
        switch self {
        case .headerBytes: (\.messages.headerBytes, .size, 4 * Self.kibibyte...Self.mebibyte)
        case .headerFields: (\.messages.fieldCount, nil, 10...1000)
        case .bodyBytes: (\.bodyBytes, .size, Self.kibibyte...256 * Self.mebibyte)
        case .connections: (\.connections, nil, 1...1_000_000)
        case .connectionsPerAddress: (\.connectionsPerAddress, nil, 1...1_000_000)
        case .requests: (\.requests, nil, 1...1_000_000)
        case .windowBytes: (\.windowBytes, .size, 4 * Self.kibibyte...16 * Self.mebibyte)
        case .bufferedBytes: (\.bufferedBytes, .size, Self.mebibyte...1024 * 1024 * Self.mebibyte)
        case .rates: nil
        case .rateEntries: (\.rateEntries, nil, 1024...16_777_216)
        case .tokens: (\.tokens, nil, 1...1_000_000)
        case .idleUpstreamConnections: (\.idleUpstreamConnections, nil, 0...10_000)
        case .handshakeTimeout: (\.handshakeTimeout, .duration, 100...300_000)
        case .headerTimeout: (\.headerTimeout, .duration, 100...300_000)
        case .bodyTimeout: (\.bodyTimeout, .duration, 100...Self.hour)
        case .bodyRate: (\.bodyRate, .size, 1...Self.mebibyte)
        case .requestTimeout: (\.requestTimeout, .duration, 1000...24 * Self.hour)
        case .idleTimeout: (\.idleTimeout, .duration, 100...Self.hour)
        case .upstreamIdleTimeout: (\.upstreamIdleTimeout, .duration, 100...Self.hour)
        case .drainDelay: (\.drainDelay, .duration, 0...Self.hour)
        case .drainTimeout: (\.drainTimeout, .duration, 0...Self.hour)
        case .upgradeTimeout: (\.upgradeTimeout, .duration, 1000...Self.hour)
        case .streamsPerConnection: (\.http2.streams, nil, 1...1000)
        case .headerTableBytes: (\.http2.headerTableBytes, .size, 0...64 * Self.kibibyte)
        case .continuationFrames: (\.http2.continuationFrames, nil, 0...1000)
        case .resetStreams: (\.http2.resetStreams, nil, 1...1_000_000)
        case .pingFrames: (\.http2.pingFrames, nil, 1...1_000_000)
        case .settingsFrames: (\.http2.settingsFrames, nil, 1...1_000_000)
        case .emptyFrames: (\.http2.emptyFrames, nil, 1...1_000_000)
        case .priorityFrames: (\.http2.priorityFrames, nil, 1...1_000_000)
        case .windowUpdates: (\.http2.windowUpdates, nil, 1...1_000_000)
        }
    }
}

extension Limits {
    /// Reads limits; those that are absent or reported keep their defaults.
    init(_ node: Node) {
        self.init()
        guard let members = ObjectReader(node, of: LimitMember.self) else { return }
        for name in LimitMember.allCases {
            guard let member = members[name], let row = name.row else { continue }
            let value =
                row.quantity.map { member.quantity($0, in: row.bounds) } ?? member.count(in: row.bounds)
            if let value { self[keyPath: row.limit] = value }
        }
        if let member = members[.rates] { rates = RateLimits(member) }
        guard bufferedBytes < bodyBytes else { return }
        (members[.bufferedBytes] ?? members[.bodyBytes] ?? node).error(
            "\"buffered_bytes\" is less than \"body_bytes\": the largest body would never have room.",
            "Raise the one or lower the other."
        )
    }
}
