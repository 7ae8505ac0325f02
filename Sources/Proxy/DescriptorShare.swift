// What each worker may have open, so that descriptors never run out.

internal import Synchronization

/// The connections of one worker for which the process has descriptors. It changes with the configuration, which says what
/// else needs some.
public final class DescriptorShare: Sendable {
    private static let least = 4

    private let half: Atomic<Int>

    /// Notes how many connections there may be.
    public init(connections: Int = .max) {
        half = Atomic(max(connections / 2, Self.least))
    }

    /// Notes how many there may be from now on; those that are open beyond it stay.
    public func change(connections: Int) {
        half.store(max(connections / 2, Self.least), ordering: .relaxed)
    }

    /// Most connections of clients, whatever the configuration allows.
    public var clients: Int { half.load(ordering: .relaxed) }

    /// Most connections to servers: as many, as each client may need one.
    public var servers: Int { half.load(ordering: .relaxed) }
}
