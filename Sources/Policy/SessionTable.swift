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
        let place: PlaceTag
    }

    private let sessions = Mutex(BoundedTable<Key, Entry>(capacity: capacity))

    /// Makes an empty table.
    public init() {}

    /// Remembers that the session `id` belongs to `owner` and is at `place`; an id that is known keeps its owner.
    func enter(_ id: [UInt8], route: Route, owner: SessionBinding, place: PlaceTag) {
        let key = Key(route: route.resource.text, id: id)
        sessions.withLock { sessions in
            guard sessions[key] == nil else { return }
            sessions[key] = Entry(owner: owner, place: place)
        }
    }

    /// Where the session `id` is, nil if it does not belong to `owner`.
    func place(of id: [UInt8], route: Route, owner: SessionBinding) -> PlaceTag? {
        sessions.withLock { sessions in
            guard let entry = sessions[Key(route: route.resource.text, id: id)], entry.owner == owner
            else { return nil }
            return entry.place
        }
    }

    /// Forgets a session that has ended.
    func forget(_ id: [UInt8], route: Route) {
        sessions.withLock { $0[Key(route: route.resource.text, id: id)] = nil }
    }
}
