// The wheel beside a plain list, under virtual time.

import Testing
import Transport

@Suite struct TimerWheelTests {
    @Test(arguments: 1...30)
    func `does what a list does`(seed: UInt64) {
        var state = seed &* 0x9E37_79B9_7F4A_7C15
        func random(_ bound: Int) -> Int {
            state = state &* 6_364_136_223_846_793_005 &+ 1_442_695_040_888_963_407
            return Int(state >> 33) % bound
        }
        var now = 1_000_000 + random(100_000)
        let wheel = TimerWheel(now: now)
        var pending: [UInt64: (due: Int, entered: Int)] = [:]
        for token in 0..<4_000 as Range<UInt64> {
            // Within a tick, a round of the wheel (32 s), many rounds, and the past.
            let due =
                now
                + [random(40), random(32_000), random(200_000), random(3_600_000), -random(5_000)][random(5)]
            wheel.insert(token, due: due)
            pending[token] = (due, now)
            if random(3) == 0 { now += [1, 31, 32, 33, random(1_000), random(90_000)][random(6)] }
            check(wheel, &pending, at: now)
            if random(200) == 0 { now -= 5 }
        }
        while !pending.isEmpty {
            let delay = wheel.delay(from: now)
            guard delay >= 0, delay <= 1_024 * TimerWheel.tick else {
                Issue.record("a delay of \(delay) with \(pending.count) deadlines left")
                return
            }
            now += max(delay, 1)
            check(wheel, &pending, at: now)
        }
        #expect(wheel.delay(from: now) == -1)
    }

    /// Nothing falls due early, and nothing is later than a tick and what the clock jumped.
    private func check(
        _ wheel: TimerWheel,
        _ pending: inout [UInt64: (due: Int, entered: Int)],
        at now: Int
    ) {
        var due: [UInt64] = []
        wheel.advance(to: now, due: &due)
        for token in due {
            guard let deadline = pending.removeValue(forKey: token) else {
                Issue.record("\(token) fell due twice")
                continue
            }
            #expect(deadline.due <= now)
        }
        let late = pending.values.count { max($0.due, $0.entered) + 2 * TimerWheel.tick <= now }
        #expect(late == 0)
    }

    @Test func `a deadline far beyond the wheel is kept through long sleeps`() {
        let wheel = TimerWheel(now: 0)
        let day = 86_400_000
        wheel.insert(1, due: day)
        wheel.insert(2, due: .max)
        wheel.insert(3, due: .min)
        var due: [UInt64] = []
        wheel.advance(to: 64, due: &due)
        #expect(due == [3])
        wheel.advance(to: day - 1, due: &due)
        #expect(due == [3])
        wheel.advance(to: day + 32, due: &due)
        #expect(due == [3, 1])
        wheel.advance(to: 400 * day, due: &due)
        #expect(due == [3, 1])
    }

    @Test func `one deadline wakes once in its time`() {
        let wheel = TimerWheel(now: 10)
        #expect(wheel.delay(from: 10) == -1)
        wheel.insert(7, due: 1_000)
        let delay = wheel.delay(from: 10)
        #expect((990...990 + 2 * TimerWheel.tick).contains(delay))
        var due: [UInt64] = []
        wheel.advance(to: 10 + delay - 1, due: &due)
        #expect(due.isEmpty)
        wheel.advance(to: 10 + delay, due: &due)
        #expect(due == [7])
        #expect(wheel.delay(from: 10 + delay) == -1)
    }

    @Test func `what is pruned never falls due, and everything else does`() {
        let wheel = TimerWheel(now: 0)
        for token in 0..<1000 as Range<UInt64> { wheel.insert(token, due: Int(token) * 100) }
        wheel.insert(2, due: 5)
        #expect(wheel.count == 1001)
        wheel.prune { token, due in token % 3 == 0 || due == 5 }
        #expect(wheel.count == 335)
        var due: [UInt64] = []
        for now in stride(from: 0, through: 100_100, by: 32) { wheel.advance(to: now, due: &due) }
        #expect(due.sorted() == ([2] + (0..<1000).filter { $0 % 3 == 0 }).sorted())
        #expect(wheel.count == 0)
        #expect(wheel.delay(from: 100_100) == -1)
    }
}
