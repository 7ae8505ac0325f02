// How a worker is, for the threads that ask.

internal import Synchronization

/// What a worker says of itself at the end of each round.
public final class WorkerStatus: Sendable {
    private let clientCount = Atomic<Int>(0)
    private let ready = Atomic<Bool>(false)
    private let drained = Atomic<Bool>(false)
    private let ended = Atomic<Bool>(false)
    private let lastRound = Atomic<Int>(0)
    private let oldest = Atomic<Int>(0)
    private let newest = Atomic<Int>(0)
    private let pause = Atomic<Int>(0)

    /// Makes the status of a worker that has not begun.
    public init() {}

    /// Number of client connections.
    public var clients: Int { clientCount.load(ordering: .relaxed) }

    /// Whether the worker can take traffic.
    public var isReady: Bool { ready.load(ordering: .relaxed) }

    /// Milliseconds of the monotonic clock at the end of the last round.
    public var round: Int { lastRound.load(ordering: .relaxed) }

    /// Milliseconds after which a loop that has ended no round stands still; it ends one each second if nothing happens.
    private static let stillAfter = 5000

    /// Whether the worker's loop turns, at `now` of the monotonic clock in milliseconds.
    public func isTurning(now: Int) -> Bool { !hasEnded && now - round < Self.stillAfter }

    /// The oldest generation of configuration that the worker holds anything of.
    public var oldestGeneration: Int { hasEnded ? .max : oldest.load(ordering: .acquiring) }

    /// The generation of configuration under which new requests are decided.
    public var generation: Int { hasEnded ? .max : newest.load(ordering: .acquiring) }

    /// Microseconds for which the worker did nothing else while it took the last configuration over.
    public var adoptionPause: Int { pause.load(ordering: .relaxed) }

    /// Notes that the worker has taken a configuration over.
    func adopted(generation: Int, pause: Int) {
        self.pause.store(pause, ordering: .relaxed)
        newest.store(generation, ordering: .releasing)
    }

    /// Whether the worker was told to drain, and its last connection has closed.
    public var hasDrained: Bool { drained.load(ordering: .relaxed) || hasEnded }

    /// Whether the worker's thread has ended.
    public var hasEnded: Bool { ended.load(ordering: .relaxed) }

    /// Notes that the worker's thread has ended.
    public func end() {
        ended.store(true, ordering: .relaxed)
    }

    func update(clients: Int, isReady: Bool, isDraining: Bool, oldestGeneration: Int, round: Int) {
        oldest.store(oldestGeneration, ordering: .releasing)
        drained.store(isDraining && clients == 0, ordering: .relaxed)
        clientCount.store(clients, ordering: .relaxed)
        ready.store(isReady, ordering: .relaxed)
        lastRound.store(round, ordering: .relaxed)
    }
}
