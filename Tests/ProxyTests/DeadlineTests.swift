// The one deadline of a connection, through virtual hours.

import Testing
import Transport

@testable import Proxy

@Suite struct `A deadline` {
    @Test func `takes no more of the wheel however often it is moved`() {
        let wheel = TimerWheel(now: 0)
        let table = ConnectionTable()
        let id = table.reserve()
        let deadline = Deadline()
        var asked = 0
        var now = 0
        while now < 3_600_000 {
            var due: [UInt64] = []
            wheel.advance(to: now, due: &due)
            asked += due.count
            for _ in due { #expect(!deadline.hasPassed(now: now, for: id, in: wheel)) }
            // A request with a body on a connection that is idle in between.
            deadline.set(now + 60_000, for: id, in: wheel)
            deadline.set(now + 75_000, for: id, in: wheel)
            now += 500
        }
        // Twice a minute at most.
        #expect(asked <= 120)
    }

    @Test func `passes once, not before its moment, and within two ticks of it`() {
        for moment in [1, 31, 32, 33, 5_000, 40_000, 100_000] {
            let wheel = TimerWheel(now: 0)
            let table = ConnectionTable()
            let id = table.reserve()
            let deadline = Deadline()
            deadline.set(200_000, for: id, in: wheel)
            deadline.set(moment, for: id, in: wheel)
            var passed: [Int] = []
            for now in stride(from: 0, to: 300_000, by: 16) {
                var due: [UInt64] = []
                wheel.advance(to: now, due: &due)
                for _ in due where deadline.hasPassed(now: now, for: id, in: wheel) { passed.append(now) }
            }
            #expect(passed.count == 1)
            #expect(passed.allSatisfy { $0 >= moment && $0 <= moment + 2 * TimerWheel.tick + 16 })
        }
    }

    @Test func `keeps its own entry of the wheel alone when the wheel is pruned`() {
        let wheel = TimerWheel(now: 0)
        let table = ConnectionTable()
        let id = table.reserve()
        let deadline = Deadline()
        for moment in [300_000, 60_000, 10_000, 20_000] { deadline.set(moment, for: id, in: wheel) }
        #expect(wheel.count == 3)
        wheel.prune { token, due in token == id.token && deadline.awaits(due) }
        #expect(wheel.count == 1)
        var passed: [Int] = []
        for now in stride(from: 0, to: 400_000, by: 16) {
            var due: [UInt64] = []
            wheel.advance(to: now, due: &due)
            for _ in due where deadline.hasPassed(now: now, for: id, in: wheel) { passed.append(now) }
        }
        #expect(passed.count == 1)
        #expect(passed.allSatisfy { $0 >= 20_000 && $0 <= 20_100 })
    }

    @Test func `does not pass after it was cleared, and passes again when set anew`() {
        let wheel = TimerWheel(now: 0)
        let table = ConnectionTable()
        let id = table.reserve()
        let deadline = Deadline()
        deadline.set(1000, for: id, in: wheel)
        deadline.clear()
        deadline.set(2000, for: id, in: wheel)
        deadline.clear()
        var passed: [Int] = []
        for now in stride(from: 0, to: 5000, by: 10) {
            var due: [UInt64] = []
            wheel.advance(to: now, due: &due)
            for _ in due where deadline.hasPassed(now: now, for: id, in: wheel) { passed.append(now) }
            if now == 2500 { deadline.set(3000, for: id, in: wheel) }
        }
        #expect(passed.count == 1)
        #expect(passed.first.map { $0 >= 3000 } == true)
    }
}
