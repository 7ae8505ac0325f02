// Streams that wait for something, of which some have left without a word.

/// The numbers of streams in the order in which they began to wait.
///
/// A stream that does not wait any more is not looked for: it is passed over when its turn comes, and all such are
/// dropped when they could be half of the list. So the list is never longer than twice what waits, and 64.
struct WaitingStreams {
    private static let least = 64

    private var ids: [ConnectionID] = []
    /// How long the list may become before it is looked through.
    private var mark = least

    /// Adds a stream; `isWaiting` says which of the others still wait.
    mutating func append(_ id: ConnectionID, where isWaiting: (ConnectionID) -> Bool) {
        if ids.count >= mark {
            ids.removeAll { !isWaiting($0) }
            mark = max(2 * ids.count, Self.least)
        }
        ids.append(id)
    }

    /// Takes up to `count` streams, those that wait longest first.
    mutating func takeFirst(_ count: Int) -> [ConnectionID] {
        guard !ids.isEmpty else { return [] }
        let taken = Array(ids.prefix(count))
        ids.removeFirst(taken.count)
        return taken
    }

    /// Drops the streams that are not to be kept.
    mutating func keep(where isKept: (ConnectionID) -> Bool) {
        ids.removeAll { !isKept($0) }
    }

    /// Number of entries.
    var count: Int { ids.count }
}
