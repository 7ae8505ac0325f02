// How a worker is, for the threads that ask.

internal import Synchronization

/// What a worker says of itself at the end of each round.
public final class WorkerStatus: Sendable {
    private let clientCount = Atomic<Int>(0)
    private let ready = Atomic<Bool>(false)
    private let lastRound = Atomic<Int>(0)

    /// Makes the status of a worker that has not begun.
    public init() {}

    /// Number of client connections.
    public var clients: Int { clientCount.load(ordering: .relaxed) }

    /// Whether the worker can take traffic.
    public var isReady: Bool { ready.load(ordering: .relaxed) }

    /// Milliseconds of the monotonic clock at the end of the last round.
    public var round: Int { lastRound.load(ordering: .relaxed) }

    func update(clients: Int, isReady: Bool, round: Int) {
        clientCount.store(clients, ordering: .relaxed)
        ready.store(isReady, ordering: .relaxed)
        lastRound.store(round, ordering: .relaxed)
    }
}
