// How places at servers fall, are ejected and come back, on a clock of the test's own.

import Policy
import Testing

@testable import Proxy

@Suite struct `The health of a place` {
    private static func rules(_ change: (inout EndpointRules) -> Void = { _ in }) -> EndpointRules {
        var rules = EndpointRules()
        rules.check = HealthCheckRules()
        change(&rules)
        return rules
    }

    /// Fails until an event comes; how many failures that took.
    private func failuresUntilEjected(_ health: inout PlaceHealth, now: Int, chance: Double = 0.5) -> Int? {
        for count in 1...100 {
            if case .ejected? = health.fail("upstream_closed", now: now, chance: chance) { return count }
        }
        return nil
    }

    @Test func `is not known before anything was heard, and then up`() {
        var health = PlaceHealth(Self.rules(), now: 0)
        #expect(health.state == .unknown)
        #expect(health.standing == .full)
        #expect(health.succeed(now: 5) == .found)
        #expect(health.state == .up && health.since == 5)
        #expect(health.succeed(now: 6) == nil)
    }

    @Test func `five failures in a row eject it; a success in between starts anew`() {
        var health = PlaceHealth(Self.rules(), now: 0)
        for _ in 0..<10 {
            for _ in 0..<4 { #expect(health.fail("x", now: 1, chance: 0.5) == nil) }
            _ = health.succeed(now: 1)
        }
        #expect(failuresUntilEjected(&health, now: 100) == 5)
        #expect(health.state == .ejected && health.failures == 5)
        #expect(health.standing == .returning(at: 10_100, ramp: 30_000))
        #expect(health.fail("x", now: 200, chance: 0.5) == nil, "what is ejected is not ejected again")
    }

    @Test func `failures that lie far apart are not in a row`() {
        var health = PlaceHealth(Self.rules(), now: 0)
        for minute in 1...20 { #expect(health.fail("x", now: minute * 61_000, chance: 0.5) == nil) }
        #expect(health.failures == 1)
    }

    @Test func `the time of ejections doubles while they follow closely, up to the longest`() {
        var health = PlaceHealth(Self.rules(), now: 0)
        var now = 1000
        var times: [Int] = []
        for _ in 0..<8 {
            _ = failuresUntilEjected(&health, now: now)
            guard case .returning(let end, _) = health.standing else { continue }
            times.append(end - now)
            #expect(health.advance(to: end - 1) == nil)
            #expect(health.advance(to: end + 3) == .returned)
            #expect(health.since == end)
            now = end + 10
        }
        #expect(times == [10, 20, 40, 80, 160, 300, 300, 300].map { $0 * 1000 })
        // What has served for long begins anew.
        _ = health.succeed(now: now)
        now += 400_000
        _ = failuresUntilEjected(&health, now: now)
        #expect(health.standing == .returning(at: now + 10_000, ramp: 30_000))
    }

    @Test(arguments: [(0.0, 9000), (0.5, 10_000), (1.0, 11_000)])
    func `chance moves the end by a tenth`(chance: Double, milliseconds: Int) {
        var health = PlaceHealth(Self.rules(), now: 0)
        _ = failuresUntilEjected(&health, now: 0, chance: chance)
        #expect(health.standing == .returning(at: milliseconds, ramp: 30_000))
    }

    @Test func `is on probation when it comes back: one failure is enough, until a success`() {
        var health = PlaceHealth(Self.rules(), now: 0)
        _ = failuresUntilEjected(&health, now: 0)
        #expect(health.advance(to: 10_000) == .returned)
        #expect(failuresUntilEjected(&health, now: 10_500) == 1)
        #expect(health.advance(to: 40_000) == .returned)
        #expect(health.succeed(now: 40_001) == nil)
        #expect(failuresUntilEjected(&health, now: 40_500) == 5)
    }

    @Test func `is never ejected where the rules say never`() {
        var health = PlaceHealth(Self.rules { $0.ejection.failures = 0 }, now: 0)
        #expect(failuresUntilEjected(&health, now: 0) == nil)
        #expect(health.standing == .full)
    }

    @Test func `three failed checks bring it down, two good ones up again, and single ones nothing`() {
        var health = PlaceHealth(Self.rules(), now: 0)
        #expect(health.judge(problem: nil, now: 1) == .found)
        for _ in 0..<5 {
            #expect(health.judge(problem: "no", now: 2) == nil)
            #expect(health.judge(problem: "no", now: 2) == nil)
            #expect(health.judge(problem: nil, now: 2) == nil)
        }
        _ = health.judge(problem: "no", now: 3)
        _ = health.judge(problem: "no", now: 3)
        #expect(health.judge(problem: "no", now: 3) == .fell)
        #expect(health.standing == .down && health.state == .down && health.reason == "no")
        for _ in 0..<5 {
            #expect(health.judge(problem: nil, now: 4) == nil)
            #expect(health.judge(problem: "no", now: 4) == nil)
        }
        #expect(health.judge(problem: nil, now: 5) == nil)
        #expect(health.judge(problem: nil, now: 6) == .returned)
        #expect(health.standing == .returning(at: 6, ramp: 30_000))
    }

    @Test func `what checks say and what requests meet are judged apart`() {
        var health = PlaceHealth(Self.rules(), now: 0)
        _ = failuresUntilEjected(&health, now: 0)
        for _ in 0..<10 { #expect(health.judge(problem: nil, now: 1) == nil) }
        #expect(health.state == .ejected, "a good check does not end an ejection")
        for _ in 0..<3 { _ = health.judge(problem: "no", now: 2) }
        #expect(health.standing == .down)
        #expect(
            health.advance(to: 1_000_000) == nil,
            "the end of an ejection does not end what checks have found"
        )
        _ = health.judge(problem: nil, now: 1_000_000)
        #expect(health.judge(problem: nil, now: 1_000_001) == .returned)
    }

    @Test func `its share grows from nothing to the whole`() {
        let standing = Standing.returning(at: 1000, ramp: 200)
        #expect(
            [0, 999, 1000, 1050, 1100, 1199, 1200, .max].map { standing.share(now: $0) }
                == [0, 0, 0, 0.25, 0.5, 0.995, 1, 1]
        )
        #expect([999, 1000].map { standing.isEjected(now: $0) } == [true, false])
        #expect(Standing.returning(at: 1000, ramp: 0).share(now: 1000) == 1)
        #expect(Standing.down.share(now: .max) == 0)
        #expect(Standing.full.share(now: 0) == 1)
    }
}
