// Where tasks are that servers with several endpoints have begun; one table for the process.

internal import Bytes
public import MCP
internal import OpenSSL
internal import Synchronization

/// Remembers at which endpoint a task is. It says where to ask, never who may: that is the server's to judge. Bounded: the
/// oldest are forgotten.
public final class TaskTable: Sendable {
    /// Most tasks that are remembered.
    public static let capacity = 65_536
    /// Most octets of a task's id.
    public static let maximumIDLength = 512

    private let tasks = Mutex(BoundedTable<Digest256, PlaceTag>(capacity: capacity))

    /// Makes an empty table.
    public init() {}

    /// Remembers that the server has told `principal` of the task `id` at `place`.
    public func enter(_ id: [UInt8], at route: Route, for principal: Principal, place: PlaceTag) {
        guard id.count <= Self.maximumIDLength else { return }
        let key = Self.key(id, route, principal)
        tasks.withLock { $0[key] = place }
    }

    /// Where the task `id` is of which `principal` was told; nil if that is not known.
    public func place(of id: [UInt8], at route: Route, for principal: Principal) -> PlaceTag? {
        let key = Self.key(id, route, principal)
        return tasks.withLock { $0[key] }
    }

    /// What a task is remembered by: a task of another principal, or at another route, is another one.
    private static func key(_ id: [UInt8], _ route: Route, _ principal: Principal) -> Digest256 {
        // The binding ends where its own lengths say.
        let octets = SessionBinding(of: principal, at: route).octets + id
        return SHA256.digest(of: octets.span)
    }
}
