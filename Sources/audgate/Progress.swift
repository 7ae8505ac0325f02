// Tells people what they are waiting for.

internal import Synchronization
internal import Transport

/// Work that may take a while.
enum Progress {
    /// Milliseconds after which something is said, and said again.
    private static let interval = 2000

    /// Does `work`, saying on standard error what is going on every two seconds that it takes.
    static func show<Value>(_ what: String, during work: () -> Value) -> Value {
        let isDone = Flag()
        try? Thread.start("audgate-progress") {
            var waited = 0
            while true {
                Clock.sleep(milliseconds: interval)
                guard !isDone.value.load(ordering: .acquiring) else { return }
                waited += interval
                Terminal.error("\(what) … (\(waited / 1000) s)")
            }
        }
        defer { isDone.value.store(true, ordering: .releasing) }
        return work()
    }

    private final class Flag: Sendable {
        let value = Atomic(false)
    }
}
