// Asks all workers for what they have counted, and does not wait for one that stands still.

internal import Proxy
internal import Synchronization
internal import Transport

/// What is known of one worker's counters.
struct CollectedReport: Sendable {
    /// The newest report, nil if there never was one.
    let report: WorkerReport?
    /// Whether the worker has answered just now.
    let isFresh: Bool
}

/// Collects reports, for one reader at a time.
final class ReportDesk: Sendable {
    /// Milliseconds that workers have for their answers, all together.
    static let patience = 250

    private struct State: ~Copyable {
        var poller: Poller
        var last: [WorkerReport?]
        /// The workers that owe an answer.
        var debtors: Set<Int> = []
    }

    private let workers: [Mailbox<WorkerMessage>]
    private let answers: Mailbox<WorkerReport>
    private let state: Mutex<State>

    /// Makes a desk that has asked nobody.
    ///
    /// - Throws: `SystemError` when the system refuses a descriptor.
    init(workers: [Mailbox<WorkerMessage>]) throws(SystemError) {
        self.workers = workers
        answers = try Mailbox()
        let poller = try Poller()
        try poller.watchLevel(answers.descriptor, token: 0)
        state = Mutex(State(poller: poller, last: workers.map { _ in nil }))
    }

    /// Asks all workers, and returns what they say, in their order.
    ///
    /// A worker that has not answered in time is not waited for again before it has: one that stands still delays one
    /// reader, and not all who come later.
    func collect() -> [CollectedReport] {
        state.withLock { state in
            _ = take(&state)
            let asked = workers.indices.filter { !state.debtors.contains($0) }
            for index in asked { workers[index].send(.report(to: answers)) }
            state.debtors.formUnion(asked)
            var fresh: Set<Int> = []
            let deadline = Clock.monotonicMilliseconds + Self.patience
            while !fresh.isSuperset(of: asked) {
                let rest = deadline - Clock.monotonicMilliseconds
                guard rest > 0 else { break }
                _ = state.poller.wait(milliseconds: CInt(truncatingIfNeeded: rest))
                fresh.formUnion(take(&state))
            }
            return workers.indices.map {
                CollectedReport(report: state.last[$0], isFresh: fresh.contains($0))
            }
        }
    }

    /// Takes the answers that are there, and returns whose they are.
    private func take(_ state: inout State) -> Set<Int> {
        var from: Set<Int> = []
        for report in answers.takeAll() where state.last.indices.contains(report.worker) {
            state.last[report.worker] = report
            state.debtors.remove(report.worker)
            from.insert(report.worker)
        }
        return from
    }
}
