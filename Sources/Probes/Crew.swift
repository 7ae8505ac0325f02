// Work that mostly waits, for many things at once.

internal import Synchronization
internal import Transport

/// A few threads that share a list of work.
enum Crew {
    /// Most threads, and so most that are asked at a time.
    static let size = 8

    /// What `work` makes of each of `items`, in their order.
    ///
    /// - Throws: When the system has no thread or descriptor to give.
    static func map<Item: Sendable, Result: Sendable>(
        _ items: [Item],
        _ work: @escaping @Sendable (Item) -> Result
    ) throws(SystemError) -> [Result] {
        guard !items.isEmpty else { return [] }
        let results = try Mailbox<(Int, Result)>()
        let turn = Turn()
        for _ in 0..<min(size, items.count) {
            try Thread.start("audgate-check") {
                while let index = turn.next(below: items.count) {
                    results.send((index, work(items[index])))
                }
            }
        }
        var done: [Result?] = Array(repeating: nil, count: items.count)
        var missing = items.count
        while missing > 0 {
            _ = results.wait(until: Clock.monotonicMilliseconds + 60_000)
            for (index, result) in results.takeAll() {
                done[index] = result
                missing -= 1
            }
        }
        return done.compactMap { $0 }
    }

    /// Whose turn it is.
    private final class Turn: Sendable {
        private let count = Atomic(0)

        func next(below end: Int) -> Int? {
            let index = count.add(1, ordering: .relaxed).oldValue
            return index < end ? index : nil
        }
    }
}
