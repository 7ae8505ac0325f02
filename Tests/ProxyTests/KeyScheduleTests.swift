// When keys are fetched, through virtual days.

import Bytes
import JOSE
import OpenSSL
import Policy
import Testing

@testable import Proxy

@Suite struct `A key schedule` {
    private static let signers = (0..<2).compactMap { number in
        (try? SigningKey(generating: .edwards(.ed25519)))
            .flatMap { TokenSigner(key: $0, algorithm: .eddsa, keyID: "k\(number)") }
    }

    private func keys(_ number: Int = 0, maximumAge: Int? = nil) throws -> FetchedKeys {
        let text = "{\"keys\":[\(Self.signers[number].publicJWK)]}".octets
        return FetchedKeys(text: text, keySet: try KeySet(text.span), maximumAge: maximumAge)
    }

    private func schedule(_ source: KeySource = .discover, maximumAge: Int = 86_400) -> KeySchedule {
        KeySchedule(
            Issuer(
                name: "corp",
                rules: TokenRules(issuer: "https://as.example"),
                keySource: source,
                keyMaximumAge: maximumAge,
                otherAudiences: []
            )
        )
    }

    @Test func `is due at once, and pending until the first fetch has ended`() throws {
        for succeeds in [true, false] {
            var schedule = schedule()
            #expect(schedule.due <= 0)
            #expect(schedule.state(now: 1000).isPending)
            schedule.begin()
            #expect(!schedule.mayFetch(now: 1000))
            if succeeds { _ = schedule.succeed(try keys(), now: 1000) } else { schedule.fail(now: 1000) }
            #expect(!schedule.state(now: 1000).isPending)
            #expect((schedule.state(now: 1000).keySet != nil) == succeeds)
        }
    }

    @Test(
        arguments: [
            (nil, 3600), (0, 300), (299, 300), (300, 300), (301, 301), (7200, 7200), (86_400, 86_400),
            (86_401, 86_400), (Int.max, 86_400),
        ] as [(Int?, Int64)]
    )
    func `refreshes after the age that the source says, within its bounds`(_ age: Int?, _ wait: Int64) throws
    {
        var schedule = schedule()
        _ = schedule.succeed(try keys(maximumAge: age), now: 1000)
        #expect(schedule.due == 1000 + wait)
        var file = self.schedule(.file("/x"))
        _ = file.succeed(try keys(maximumAge: age), now: 1000)
        #expect(file.due == 1030)
    }

    @Test func `tries again ever later while the source is down, and every minute at most`() throws {
        var schedule = schedule()
        var now: Int64 = 1000
        var waits: [Int64] = []
        for _ in 0..<70 {
            schedule.begin()
            schedule.fail(now: now)
            waits.append(schedule.due - now)
            now = schedule.due
        }
        #expect(waits.prefix(5) == [5, 10, 20, 40, 60])
        #expect(waits.dropFirst(4).allSatisfy { $0 == 60 })
        _ = schedule.succeed(try keys(), now: now)
        schedule.fail(now: now)
        #expect(schedule.due == now + 5)
    }

    @Test func `lets an unknown key cause one fetch in ten seconds`() throws {
        var schedule = schedule()
        schedule.begin()
        _ = schedule.succeed(try keys(), now: 990)
        #expect(schedule.mayFetch(now: 990))
        schedule.begin(isAsked: true)
        _ = schedule.succeed(try keys(), now: 1000)
        #expect(schedule.state(now: 1000).holdOffUntil == 1010)
        #expect(!schedule.mayFetch(now: 1009))
        #expect(schedule.mayFetch(now: 1010))
        schedule.begin(isAsked: true)
        #expect(!schedule.mayFetch(now: 1010))
        schedule.fail(now: 1012)
        #expect(!schedule.mayFetch(now: 1021))
        #expect(schedule.mayFetch(now: 1022))
    }

    @Test func `keeps keys while the source is down, and ends them when it says that there are none`() throws
    {
        var schedule = schedule()
        _ = schedule.succeed(try keys(), now: 1000)
        schedule.fail(now: 2000)
        #expect(schedule.state(now: 2000).keySet != nil)
        schedule.fail(now: 3000, endsKeys: true)
        #expect(schedule.state(now: 3000).keySet == nil)
        #expect(!schedule.state(now: 3000).isPending)
    }

    @Test func `keeps the object while the text is the same, and says what was there before`() throws {
        var schedule = schedule()
        let first = try keys()
        #expect(schedule.succeed(first, now: 1000) == nil)
        #expect(schedule.succeed(try keys(), now: 2000) === first.keySet)
        #expect(schedule.state(now: 2000).keySet === first.keySet)
        let second = try keys(1)
        #expect(schedule.succeed(second, now: 3000) === first.keySet)
        #expect(schedule.state(now: 3000).keySet === second.keySet)
    }

    @Test func `uses old keys while the source is down, and not longer than their maximum age`() throws {
        var schedule = schedule(maximumAge: 600)
        _ = schedule.succeed(try keys(), now: 1000)
        for now: Int64 in [1300, 1400, 1599] {
            schedule.fail(now: now)
            #expect(schedule.state(now: now).keySet != nil)
            #expect(schedule.age(now: now) == now - 1000)
            #expect(schedule.nextChange(now: now) <= 1600)
        }
        #expect(schedule.state(now: 1600).keySet == nil)
        #expect(!schedule.state(now: 1600).isPending)
        _ = schedule.succeed(try keys(), now: 1700)
        #expect(schedule.state(now: 1700).keySet != nil)
    }
}
