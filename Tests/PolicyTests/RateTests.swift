// Buckets under a virtual clock, and the table that holds them.

import Testing

@testable import Policy

/// What a bucket is asked at some moment, and what it says.
struct Turn: Sendable {
    /// Milliseconds since the first moment; they may go back.
    let at: Int
    var turns = 1
    /// Milliseconds to wait, nil if the turns are taken.
    var wait: Int?
}

@Suite struct `A rate` {
    static let start = 1_000_000_000_000
    static let millisecond = 1_000_000

    @Test(arguments: [
        // The bucket holds its burst, and fills again one turn after the other.
        (
            Rate(count: 2, period: 1000, burst: 3),
            [
                Turn(at: 0), Turn(at: 0), Turn(at: 0), Turn(at: 0, wait: 500), Turn(at: 499, wait: 1),
                Turn(at: 500), Turn(at: 500, wait: 500), Turn(at: 1500), Turn(at: 1500),
                Turn(at: 1500, wait: 500), Turn(at: 60_000), Turn(at: 60_000), Turn(at: 60_000),
                Turn(at: 60_000, wait: 500),
            ]
        ),
        // Without a burst it holds what comes back in a period.
        (
            Rate(count: 2, period: 60_000),
            [
                Turn(at: 0), Turn(at: 0), Turn(at: 0, wait: 30_000), Turn(at: 30_000),
                Turn(at: 30_000, wait: 30_000),
            ]
        ),
        // Refused turns cost nothing, whatever their number.
        (
            Rate(count: 1, period: 1000, burst: 4),
            [
                Turn(at: 0, turns: 3), Turn(at: 0, turns: 2, wait: 1000), Turn(at: 0, turns: 4, wait: 3000),
                Turn(at: 0), Turn(at: 0, wait: 1000),
            ]
        ),
        // What the bucket never holds is never given, and one waits in vain until it is full.
        (
            Rate(count: 1, period: 1000, burst: 2),
            [
                Turn(at: 0, turns: 3, wait: 0), Turn(at: 0, turns: .max, wait: 0), Turn(at: 0),
                Turn(at: 0, turns: 256, wait: 1000), Turn(at: 1000, turns: 3, wait: 0),
                Turn(at: 1000, turns: 2),
            ]
        ),
        // A clock that steps back makes the bucket empty at worst; one that leaps ahead makes it full at best.
        (
            Rate(count: 1, period: 1000, burst: 2),
            [
                Turn(at: 100_000), Turn(at: 100_000), Turn(at: 0, wait: 1000), Turn(at: 1000),
                Turn(at: 1000, wait: 1000), Turn(at: 101_000), Turn(at: 101_000),
                Turn(at: 101_000, wait: 1000), Turn(at: 86_400_000 * 365),
                Turn(at: 86_400_000 * 365),
                Turn(at: 86_400_000 * 365, wait: 1000),
            ]
        ),
    ])
    func `gives turns as they come back`(_ rate: Rate, _ turns: [Turn]) {
        var moment = 0
        for (index, turn) in turns.enumerated() {
            let now = Self.start + turn.at * Self.millisecond
            let wait = rate.take(turn.turns, from: &moment, now: now)
            // Less than a millisecond is what a bucket says that lacks nothing.
            #expect(wait.map { $0 / Self.millisecond } == turn.wait, "turn \(index)")
        }
    }

    @Test func `that is faster frees a bucket that a slower one has emptied`() {
        let slow = Rate(count: 1, period: 3_600_000, burst: 3)
        let fast = Rate(count: 10, period: 1000, burst: 10)
        var moment = 0
        var now = Self.start
        for _ in 0..<3 { #expect(slow.take(from: &moment, now: now) == nil) }
        #expect(fast.take(from: &moment, now: now) == 100 * Self.millisecond)
        now += 100 * Self.millisecond
        #expect(fast.take(from: &moment, now: now) == nil)
        #expect(fast.take(from: &moment, now: now) == 100 * Self.millisecond)
    }

    @Test func `is exact enough where turns come fast`() {
        for (count, period) in [
            (1_000_000, 1000), (999_999, 1000), (700_001, 1000), (3, 1000), (1_000_000, 3_600_000),
        ] {
            let rate = Rate(count: count, period: period, burst: 1)
            var moment = 0
            var now = Self.start
            var taken = 0
            // At each moment at which the bucket says that there is a turn.
            while taken < 1000 {
                if let wait = rate.take(from: &moment, now: now) { now += wait } else { taken += 1 }
            }
            let expected = Double(period) * 1e6 / Double(count) * 999
            #expect(Double(now - Self.start) >= expected)
            #expect(Double(now - Self.start) <= expected * 1.002)
        }
    }

    @Test func `does not overflow at its bounds after a century`() {
        let century = 36_525 * 86_400_000_000_000
        for rate in [
            Rate(count: 1, period: .max, burst: .max), Rate(count: .max, period: .max, burst: .max),
            Rate(count: .min, period: .min, burst: .min),
            Rate(count: 1_000_000, period: 1000, burst: 1_000_000),
        ] {
            #expect(Rate.counts.contains(rate.count) && Rate.counts.contains(rate.burst))
            #expect(Rate.periods.contains(rate.period))
            for now in [0, 1, century] {
                var moment = 0
                #expect(rate.take(rate.burst, from: &moment, now: now) == nil)
                #expect(rate.take(from: &moment, now: now) != nil)
                #expect(rate.take(.max, from: &moment, now: now) != nil)
                #expect(rate.take(from: &moment, now: 0) != nil)
            }
        }
    }

    @Test func `takes back what was taken`() {
        let rate = Rate(count: 1, period: 1000, burst: 3)
        var moment = 0
        #expect(rate.take(2, from: &moment, now: Self.start) == nil)
        rate.giveBack(2, to: &moment)
        #expect(rate.take(3, from: &moment, now: Self.start) == nil)
        // Of a bucket that was forgotten meanwhile.
        moment = 0
        rate.giveBack(3, to: &moment)
        #expect(rate.take(3, from: &moment, now: Self.start) == nil)
        #expect(rate.take(from: &moment, now: Self.start) != nil)
    }
}

@Suite struct `A table of moments` {
    private func key(_ number: Int) -> HashedKey { HashedKey(["\(number)"]) }

    @Test(arguments: [(1, 8), (8, 8), (9, 16), (1024, 1024), (1025, 2048), (65_536, 65_536)])
    func `has room for so many keys`(_ wanted: Int, _ capacity: Int) {
        #expect(MomentTable(capacity: wanted).capacity == capacity)
    }

    @Test func `holds a moment for each key`() {
        let table = MomentTable(capacity: 4096)
        for number in 0..<512 { table.withMoment(of: key(number)) { $0 += number + 1 } }
        for number in 0..<512 { #expect(table.moment(of: key(number)) == number + 1) }
        #expect(table.moment(of: key(512)) == 0)
    }

    @Test func `forgets first what matters no more, then what matters least`() {
        let table = MomentTable(capacity: 8)
        for number in 0..<8 { table.withMoment(of: key(number)) { $0 = 100 + number } }
        table.withMoment(of: key(8)) { moment in
            #expect(moment == 0)
            moment = 500
        }
        #expect(table.moment(of: key(0)) == 0)
        for number in 1..<8 { #expect(table.moment(of: key(number)) == 100 + number) }
        #expect(table.moment(of: key(8)) == 500)
    }

    @Test func `a flood of new keys drives out itself, and not a bucket that is empty`() {
        let table = MomentTable(capacity: 1024)
        let rate = Rate(count: 1, period: 60_000, burst: 10)
        let now = 1_000_000_000_000
        for _ in 0..<10 { #expect(table.withMoment(of: key(-1)) { rate.take(from: &$0, now: now) } == nil) }
        for number in 0..<200_000 {
            _ = table.withMoment(of: key(number)) { rate.take(from: &$0, now: now) }
        }
        #expect(table.withMoment(of: key(-1)) { rate.take(from: &$0, now: now) } != nil)
    }

    @Test func `a key that was forgotten has no more than a full bucket`() {
        let table = MomentTable(capacity: 8)
        let rate = Rate(count: 1, period: 60_000, burst: 2)
        let now = 1_000_000_000_000
        for number in 0..<1000 {
            _ = table.withMoment(of: key(number)) { rate.take(2, from: &$0, now: now) }
        }
        var taken = 0
        for _ in 0..<5 where table.withMoment(of: key(0), { rate.take(from: &$0, now: now) }) == nil {
            taken += 1
        }
        #expect(taken == 2)
    }

    @Test func `begins for a key once in its time, and for no more keys than it has places`() {
        let table = MomentTable(capacity: 8)
        #expect(table.begin(key(0), until: 100, now: 0))
        #expect(!table.begin(key(0), until: 200, now: 99))
        #expect(table.begin(key(0), until: 200, now: 100))
        let begun = (1..<1000).count { table.begin(key($0), until: 200, now: 100) }
        #expect(begun == 7)
        #expect(!table.begin(key(0), until: 300, now: 199))
        #expect((1000..<2000).count { table.begin(key($0), until: 300, now: 200) } == 8)
    }

    @Test func `counts right when many threads ask`() async {
        let table = MomentTable(capacity: 64)
        let rate = Rate(count: 1, period: 3_600_000, burst: 1000)
        let taken = await withTaskGroup { group in
            for _ in 0..<4 {
                group.addTask {
                    (0..<1000).count { _ in
                        table.withMoment(of: HashedKey(["one"])) { rate.take(from: &$0, now: 1) } == nil
                    }
                }
            }
            return await group.reduce(0, +)
        }
        #expect(taken == 1000)
    }
}

@Suite struct `A hashed key` {
    @Test func `tells lists of texts apart`() {
        let keys = [
            HashedKey(["ab", "c"]), HashedKey(["a", "bc"]), HashedKey(["abc"]), HashedKey(["ab", "c", ""]),
            // The same characters, but not the same octets.
            HashedKey(["\u{E9}"]), HashedKey(["e\u{301}"]), HashedKey(["ab", "c"], below: HashedKey(["x"])),
        ]
        #expect(Set(keys).count == keys.count)
        #expect(HashedKey(["ab", "c"]) == keys[0])
    }
}
