// What an endpoint gets at most, and who waits.

import Synchronization
import Testing
import Transport

@testable import Proxy

extension WorkerTests {
    @Suite struct `The slots of an endpoint` {
        private let mailbox: Mailbox<WorkerMessage>

        init() throws {
            mailbox = try Mailbox()
        }

        private func ticket(_ number: UInt64) -> EndpointSlots.Ticket {
            EndpointSlots.Ticket(mailbox: mailbox, number: number)
        }

        /// The tickets that slots have come for; the slots are let go of unless they are kept.
        private func arrived(keeping kept: inout [EndpointSlot]) -> [UInt64] {
            mailbox.takeAll().compactMap { message in
                guard case .slot(let slot, let ticket) = message else { return nil }
                kept.append(slot)
                return ticket
            }
        }

        private func waits(_ slots: EndpointSlots, _ number: UInt64) -> Bool {
            if case .waiting = slots.take(orWaitWith: ticket(number)) { true } else { false }
        }

        @Test func `are no more than the limit, and come back when nobody holds them`() {
            let slots = EndpointSlots(limit: 2, queue: 0)
            var held = [slots.take(), slots.take()]
            #expect(held.allSatisfy { $0 != nil })
            #expect(slots.take() == nil)
            held.removeLast()
            #expect(slots.use.used == 1)
            #expect(slots.take() != nil)
            held = []
            #expect(slots.use.used == 0)
        }

        @Test func `go to those who wait in the order of their coming, and to nobody who comes later`() {
            let slots = EndpointSlots(limit: 1, queue: 10)
            var held = slots.take()
            for number in 1...3 { #expect(waits(slots, UInt64(number))) }
            withExtendedLifetime(held) {}
            held = nil
            var kept: [EndpointSlot] = []
            #expect(arrived(keeping: &kept) == [1])
            #expect(slots.take() == nil)
            kept = []
            #expect(arrived(keeping: &kept) == [2])
            kept = []
            #expect(arrived(keeping: &kept) == [3])
            #expect(slots.use == (1, 0))
            kept = []
            #expect(slots.use == (0, 0))
        }

        @Test func `a queue takes no more than its bound, and says who is first`() {
            let slots = EndpointSlots(limit: 1, queue: 2)
            let held = slots.take()
            if case .waiting(isFirst: true) = slots.take(orWaitWith: ticket(1)) {} else { Issue.record("1") }
            if case .waiting(isFirst: false) = slots.take(orWaitWith: ticket(2)) {} else { Issue.record("2") }
            if case .full = slots.take(orWaitWith: ticket(3)) {} else { Issue.record("3") }
            slots.withdraw(1, of: mailbox)
            #expect(waits(slots, 3))
            withExtendedLifetime(held) {}
        }

        @Test func `who has left before its slot came does not keep it`() {
            let slots = EndpointSlots(limit: 1, queue: 10)
            var held = slots.take()
            #expect(waits(slots, 1))
            #expect(waits(slots, 2))
            withExtendedLifetime(held) {}
            held = nil
            // The slot is on its way already.
            slots.withdraw(1, of: mailbox)
            var kept: [EndpointSlot] = []
            #expect(arrived(keeping: &kept) == [1])
            kept = []
            #expect(arrived(keeping: &kept) == [2])
            slots.withdraw(2, of: mailbox)
            kept = []
            #expect(slots.use == (0, 0))
        }

        private final class Seen: Sendable {
            let highest = Atomic<Int>(0)
            let ended = Atomic<Int>(0)
        }

        @Test func `are never lost or doubled when threads take, wait and leave at once`() throws {
            let slots = EndpointSlots(limit: 3, queue: 100)
            let seen = Seen()
            for thread in 0..<4 {
                try Thread.start("taker") { [mailbox = try? Mailbox<WorkerMessage>()] in
                    guard let mailbox else { return }
                    for round in 0..<3000 {
                        let ticket = EndpointSlots.Ticket(mailbox: mailbox, number: UInt64(round))
                        if case .slot(let slot) = slots.take(orWaitWith: ticket) {
                            seen.highest.max(slots.use.used, ordering: .relaxed)
                            withExtendedLifetime(slot) {}
                        } else if (round + thread) % 3 == 0 {
                            slots.withdraw(UInt64(round), of: mailbox)
                        }
                        // What came for tickets of before is let go of.
                        _ = mailbox.takeAll()
                    }
                    while slots.use.waiting > 0 { _ = mailbox.takeAll() }
                    _ = mailbox.takeAll()
                    seen.ended.add(1, ordering: .relaxed)
                }
            }
            #expect(eventually { seen.ended.load(ordering: .relaxed) == 4 })
            #expect(seen.highest.load(ordering: .relaxed) <= 3)
            #expect(eventually { slots.use == (0, 0) })
        }
    }
}
