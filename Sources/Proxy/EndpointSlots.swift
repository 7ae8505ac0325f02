// What an endpoint gets at most of all workers together: requests or connections, and who waits for one.

internal import Synchronization
internal import Transport

/// The right to one request or one connection at an endpoint. It is given back when nobody holds it any more.
public final class EndpointSlot: Sendable {
    let slots: EndpointSlots

    fileprivate init(of slots: EndpointSlots) {
        self.slots = slots
    }

    deinit {
        slots.giveBack()
    }
}

/// The bounded number of requests, or of connections, at one endpoint. Those for whom there is no room wait in the order
/// of their coming; a slot that comes free goes to the first of them, by message to its worker.
final class EndpointSlots: Sendable {
    /// Who waits: which of the requests of which worker.
    struct Ticket: Sendable {
        let mailbox: Mailbox<WorkerMessage>
        let number: UInt64
    }

    /// What came of asking.
    enum Answer {
        case slot(EndpointSlot)
        /// `isFirst`: nobody else waits.
        case waiting(isFirst: Bool)
        /// As many wait already as may.
        case full
    }

    private struct State {
        var limit: Int
        var queue: Int
        var used = 0
        var waiting: [Ticket] = []
    }

    private let state: Mutex<State>

    init(limit: Int, queue: Int) {
        state = Mutex(State(limit: limit, queue: queue))
    }

    /// Sets other bounds. What is in use beyond them stays so; who waits and has room now gets it.
    func change(limit: Int, queue: Int) {
        let served = state.withLock { state in
            state.limit = limit
            state.queue = queue
            let served = state.waiting.prefix(max(limit - state.used, 0))
            state.used += served.count
            state.waiting.removeFirst(served.count)
            return served
        }
        for ticket in served { send(to: ticket) }
    }

    /// A slot, nil if there is none for who comes now.
    func take() -> EndpointSlot? {
        let isFree = state.withLock { state in
            // While somebody waits there is none, or it is on its way to who waits.
            guard state.used < state.limit else { return false }
            state.used += 1
            return true
        }
        return isFree ? EndpointSlot(of: self) : nil
    }

    /// A slot, or a place in the queue.
    func take(orWaitWith ticket: Ticket) -> Answer {
        state.withLock { state in
            if state.used < state.limit {
                state.used += 1
                return .slot(EndpointSlot(of: self))
            }
            guard state.waiting.count < state.queue else { return .full }
            state.waiting.append(ticket)
            return .waiting(isFirst: state.waiting.count == 1)
        }
    }

    /// Takes a ticket out of the queue. If a slot is on its way already, whoever gets it lets go of it.
    func withdraw(_ number: UInt64, of mailbox: Mailbox<WorkerMessage>) {
        state.withLock { state in
            state.waiting.removeAll { $0.number == number && $0.mailbox === mailbox }
        }
    }

    /// Whether somebody waits.
    var isAwaited: Bool { state.withLock { !$0.waiting.isEmpty } }

    /// How many are in use, and how many are waited for.
    var use: (used: Int, waiting: Int) { state.withLock { ($0.used, $0.waiting.count) } }

    fileprivate func giveBack() {
        let next = state.withLock { state -> Ticket? in
            guard state.used <= state.limit, !state.waiting.isEmpty else {
                state.used -= 1
                return nil
            }
            return state.waiting.removeFirst()
        }
        if let next { send(to: next) }
    }

    private func send(to ticket: Ticket) {
        ticket.mailbox.send(.slot(EndpointSlot(of: self), ticket: ticket.number))
    }
}
