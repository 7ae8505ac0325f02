// Tells people what they are waiting for.

internal import Synchronization
internal import Transport

/// Work that may take a while.
enum Progress {
    /// Milliseconds after which something is said, and said again.
    private static let interval = 2000

    /// Does `work`, saying on standard error what is going on, as `what` tells then, every two seconds that it takes.
    static func show<Value>(
        _ what: @autoclosure @escaping @Sendable () -> String,
        during work: () throws -> Value
    ) rethrows -> Value {
        let isDone = Flag()
        try? Thread.start("audgate-progress") {
            var waited = 0
            while true {
                Clock.sleep(milliseconds: interval)
                guard !isDone.value.load(ordering: .acquiring) else { return }
                waited += interval
                Terminal.error("\(what()) … (\(waited / 1000) s)")
            }
        }
        defer { isDone.value.store(true, ordering: .releasing) }
        return try work()
    }

    private final class Flag: Sendable {
        let value = Atomic(false)
    }
}
