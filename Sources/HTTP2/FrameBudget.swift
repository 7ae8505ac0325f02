// How many frames of each kind a connection may send in ten seconds.

internal import HTTP

/// Counts frames that are cheap to send and cost work or memory, and refuses those beyond the limits.
struct FrameBudget {
    /// What is counted.
    enum Kind: Int, CaseIterable {
        case resets, pings, settings, empties, priorities, windowUpdates
    }

    /// Length of a period in milliseconds.
    private static let period = 10_000

    private var allowances: InlineArray<6, Int>
    private var spent = InlineArray<6, Int>(repeating: 0)
    private var periodStart = 0

    init(limits: HTTP2Limits) {
        allowances = [
            limits.resetStreams, limits.pingFrames, limits.settingsFrames, limits.emptyFrames,
            limits.priorityFrames, limits.windowUpdates,
        ]
    }

    /// Begins a new period if the last has ended at `now`, in milliseconds.
    mutating func advance(to now: Int) {
        guard now &- periodStart >= Self.period || now < periodStart else { return }
        periodStart = now
        spent = InlineArray(repeating: 0)
    }

    /// Counts `amount` frames of `kind`.
    ///
    /// - Throws: The limit, if they are more than the rest of this period's allowance.
    mutating func spend(_ amount: Int, of kind: Kind) throws(HTTP2Failure) {
        guard amount <= allowances[kind.rawValue] - spent[kind.rawValue] else { throw .limit(kind.limit) }
        spent[kind.rawValue] += amount
    }

    /// Takes `amount` frames of `kind` off the count.
    mutating func earn(_ amount: Int, of kind: Kind) {
        spent[kind.rawValue] = max(spent[kind.rawValue] - amount, 0)
    }
}

extension FrameBudget.Kind {
    /// The limit that bounds frames of this kind.
    var limit: HTTP2Limit {
        switch self {
        case .resets: .resetStreams
        case .pings: .pingFrames
        case .settings: .settingsFrames
        case .empties: .emptyFrames
        case .priorities: .priorityFrames
        case .windowUpdates: .windowUpdates
        }
    }
}
