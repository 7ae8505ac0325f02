// Whose the session ids are that clients get as they are; one table for the process.

internal import MCP
internal import Synchronization

/// Remembers to whom plain session ids belong. Bounded: the oldest are forgotten, and their sessions end.
public final class SessionTable: Sendable {
    /// Most sessions that are remembered.
    public static let capacity = 65_536

    private struct Key: Hashable {
        let route: String
        let id: [UInt8]
    }

    private struct Entry {
        let owner: SessionBinding
        let endpoint: EndpointTag
        /// Tells the session from earlier ones of the same id.
        let number: Int
    }

    private struct Sessions {
        var entries: [Key: Entry] = [:]
        /// In the order of their coming; those before `first` are gone.
        var order: [(key: Key, number: Int)] = []
        var first = 0
        var count = 0
    }

    private let sessions = Mutex(Sessions())

    /// Makes an empty table.
    public init() {}

    /// Remembers that the session `id` belongs to `owner` and is at `endpoint`; an id that is known keeps its owner.
    func enter(_ id: [UInt8], route: Route, owner: SessionBinding, endpoint: EndpointTag) {
        let key = Key(route: route.resource.text, id: id)
        sessions.withLock { sessions in
            guard sessions.entries[key] == nil else { return }
            sessions.count += 1
            sessions.entries[key] = Entry(owner: owner, endpoint: endpoint, number: sessions.count)
            sessions.order.append((key, sessions.count))
            guard sessions.order.count - sessions.first > Self.capacity else { return }
            let oldest = sessions.order[sessions.first]
            if sessions.entries[oldest.key]?.number == oldest.number { sessions.entries[oldest.key] = nil }
            sessions.first += 1
            guard sessions.first > Self.capacity else { return }
            sessions.order.removeFirst(sessions.first)
            sessions.first = 0
        }
    }

    /// Where the session `id` is, nil if it does not belong to `owner`.
    func endpoint(of id: [UInt8], route: Route, owner: SessionBinding) -> EndpointTag? {
        sessions.withLock { sessions in
            guard let entry = sessions.entries[Key(route: route.resource.text, id: id)], entry.owner == owner
            else { return nil }
            return entry.endpoint
        }
    }

    /// Forgets a session that has ended.
    func forget(_ id: [UInt8], route: Route) {
        sessions.withLock { $0.entries[Key(route: route.resource.text, id: id)] = nil }
    }
}
