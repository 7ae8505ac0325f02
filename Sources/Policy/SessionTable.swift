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

    private struct Sessions {
        var owners: [Key: SessionBinding] = [:]
        /// In the order of their coming; those before `first` are gone.
        var order: [Key] = []
        var first = 0
    }

    private let sessions = Mutex(Sessions())

    /// Makes an empty table.
    public init() {}

    /// Remembers that the session `id` belongs to `owner`; an id that is known keeps its owner.
    func enter(_ id: [UInt8], route: Route, owner: SessionBinding) {
        let key = Key(route: route.resource.text, id: id)
        sessions.withLock { sessions in
            guard sessions.owners[key] == nil else { return }
            sessions.owners[key] = owner
            sessions.order.append(key)
            guard sessions.order.count - sessions.first > Self.capacity else { return }
            sessions.owners[sessions.order[sessions.first]] = nil
            sessions.first += 1
            guard sessions.first > Self.capacity else { return }
            sessions.order.removeFirst(sessions.first)
            sessions.first = 0
        }
    }

    /// Whether the session `id` belongs to `owner`.
    func isOwner(_ owner: SessionBinding, of id: [UInt8], route: Route) -> Bool {
        sessions.withLock { $0.owners[Key(route: route.resource.text, id: id)] == owner }
    }

    /// Forgets a session that has ended.
    func forget(_ id: [UInt8], route: Route) {
        sessions.withLock { $0.owners[Key(route: route.resource.text, id: id)] = nil }
    }
}
