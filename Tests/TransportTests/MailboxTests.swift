// Messages between threads: none lost, none twice, in order, and one wake-up for many.

import Glibc
import Synchronization
import Testing
import Transport

@Suite struct MailboxTests {
    @Test func `brings everything over in order from several threads`() throws {
        let mailbox = try Mailbox<(sender: Int, number: Int)>()
        let senders = 4
        let count = 5_000
        for sender in 0..<senders {
            try Thread.start("sender") {
                for number in 0..<count { mailbox.send((sender, number)) }
            }
        }
        var poller = try Poller()
        try poller.watchLevel(mailbox.descriptor, token: 9)
        var next = [Int](repeating: 0, count: senders)
        while next.contains(where: { $0 < count }) {
            guard poller.wait(milliseconds: 5_000) > 0 else {
                Issue.record("a message without a wake-up")
                return
            }
            let token = poller.event(at: 0).token
            #expect(token == 9)
            for message in mailbox.takeAll() {
                guard next[message.sender] == message.number else {
                    Issue.record("out of order")
                    return
                }
                next[message.sender] += 1
            }
        }
        let rest = poller.wait(milliseconds: 20)
        // At most one wake-up is left over, and then the box is empty.
        #expect(rest <= 1)
        #expect(mailbox.takeAll().isEmpty)
        let quiet = poller.wait(milliseconds: 0)
        #expect(quiet == 0)
    }

    @Test func `many messages are one wake-up`() throws {
        let mailbox = try Mailbox<Int>()
        for number in 0..<100 { mailbox.send(number) }
        var wakeUps: UInt64 = 0
        _ = unsafe read(mailbox.descriptor, &wakeUps, 8)
        #expect(wakeUps == 1)
        #expect(mailbox.takeAll() == Array(0..<100))
        #expect(mailbox.takeAll().isEmpty)
    }

    @Test func `time only moves forward`() {
        var last = Clock.monotonicMicroseconds
        for _ in 0..<10_000 {
            let now = Clock.monotonicMicroseconds
            #expect(now >= last)
            last = now
        }
        #expect(abs(Clock.monotonicMilliseconds - last / 1000) < 1_000)
        #expect(Clock.unixMicroseconds > 1_700_000_000_000_000)
    }
}
