// Which place takes a request, with a seeded source of chance.

import MCP
import Policy
import Testing
import Transport

@testable import Proxy

@Suite struct `The choice among places` {
    private var random = IdentifierSource(seed: 1)

    /// Places at addresses 10.0.0.0, 10.0.0.1, …, which stand as is said.
    private static func places(_ standings: [Standing]) throws -> [UpstreamPlace] {
        try standings.enumerated().map { index, standing in
            let endpoint = Endpoint(
                host: "10.0.0.\(index)",
                port: 80,
                authority: "10.0.0.\(index)",
                path: "/mcp"
            )
            let published = PublishedEndpoint(
                number: index,
                endpoint: endpoint,
                tls: nil,
                speaksHTTP2: false,
                rules: EndpointRules()
            )
            let address = try #require(published.fixedAddress)
            return UpstreamPlace(
                published,
                at: address,
                standing: standing,
                tally: EndpointTally(number: index)
            )
        }
    }

    /// How often each of the places is chosen out of 10,000 times, while `hold` requests stay where they came.
    private mutating func shares(
        _ places: [UpstreamPlace],
        now: Int = 0,
        holding hold: Bool = false,
        tried: [Int] = []
    ) -> [Int] {
        var counts = places.map { _ in 0 }
        var held: [Holder] = []
        for _ in 0..<10_000 {
            let scene = UpstreamBalance.Scene(
                places: places,
                tried: tried.map { places[$0] },
                isListening: false,
                now: now
            )
            guard let place = UpstreamBalance.choose(scene, &random),
                let index = places.firstIndex(where: { $0 === place })
            else { continue }
            counts[index] += 1
            if hold { held.append(Holder(place)) }
        }
        return counts
    }

    /// Keeps a seat.
    private final class Holder {
        let seat: UpstreamSeat

        init(_ place: UpstreamPlace, listening: Bool = false) {
            seat = UpstreamSeat(at: place, listening: listening, slot: nil)
        }
    }

    @Test mutating func `gives equal places equal shares`() throws {
        for count in 2...5 {
            let shares = shares(try Self.places(Array(repeating: .full, count: count)))
            for share in shares { #expect(abs(share - 10_000 / count) < 400, "\(shares)") }
        }
    }

    @Test mutating func `evens loads out: no place has many more than another`() throws {
        let places = try Self.places(Array(repeating: .full, count: 10))
        let held = (0..<50).map { _ in Holder(places[0]) }
        let shares = shares(places, holding: true)
        let loads = [shares[0] + held.count] + shares.dropFirst()
        #expect(try #require(loads.max()) - (try #require(loads.min())) < 20, "\(loads)")
    }

    @Test func `a seat counts for as long as it is held, and listeners apart`() throws {
        let place = try Self.places([.full])[0]
        do {
            let seats = [Holder(place), Holder(place), Holder(place, listening: true)]
            #expect(place.load(listening: false) == 2)
            #expect(place.load(listening: true) == 1)
            withExtendedLifetime(seats) {}
        }
        #expect(place.load(listening: false) == 0)
        #expect(place.load(listening: true) == 0)
    }

    @Test mutating func `idle listeners do not keep requests away`() throws {
        let places = try Self.places([.full, .full])
        let held = (0..<1000).map { _ in Holder(places[0], listening: true) }
        let shares = shares(places)
        #expect(abs(shares[0] - 5000) < 400)
        withExtendedLifetime(held) {}
    }

    @Test mutating func `sends nothing to what is down or ejected`() throws {
        let out = Standing.returning(at: 1000, ramp: 0)
        #expect(shares(try Self.places([.full, .down]))[1] == 0)
        #expect(shares(try Self.places([.full, out]), now: 999)[1] == 0)
        #expect(shares(try Self.places([.full, out]), now: 1000)[1] > 4000)
        let shares = shares(try Self.places([.full, .down, out, .full]), now: 0)
        #expect(shares[1] == 0 && shares[2] == 0)
        #expect(abs(shares[0] - 5000) < 400)
    }

    @Test mutating func `ejects no more than half: beyond that all are used that are not down`() throws {
        let out = Standing.returning(at: 1000, ramp: 0)
        #expect(shares(try Self.places([.full, .full, out, out]))[2...] == [0, 0])
        for share in shares(try Self.places([.full, out, out, out])) { #expect(abs(share - 2500) < 400) }
        let shares = shares(try Self.places([.full, out, out, .down]))
        #expect(shares[3] == 0)
        #expect(shares[1] > 2500 && shares[2] > 2500)
    }

    @Test mutating func `uses all when checks have found all dead`() throws {
        for share in shares(try Self.places([.down, .down])) { #expect(abs(share - 5000) < 400) }
    }

    @Test(arguments: [(1000, 0.0), (1250, 0.25), (1500, 0.5), (2000, 1.0)])
    mutating func `what is back takes up its share slowly`(now: Int, share: Double) throws {
        let places = try Self.places([.full, .full, .full, .returning(at: 1000, ramp: 1000)])
        let count = shares(places, now: now)[3]
        // Of the times when it takes part at all it gets a quarter.
        #expect(abs(Double(count) - 2500 * share) < 300, "\(count)")
    }

    @Test mutating func `a retry goes elsewhere, to what is ejected at last, and nowhere a second time`()
        throws
    {
        let out = Standing.returning(at: 1000, ramp: 0)
        #expect(shares(try Self.places([.full, .full, out, .down]), tried: [0]) == [0, 10_000, 0, 0])
        let shares = shares(try Self.places([.full, .full, out, .down]), tried: [0, 1])
        #expect(shares[0] == 0 && shares[1] == 0 && shares[2] + shares[3] == 10_000)
        #expect(self.shares(try Self.places([.full, .full]), tried: [0, 1]) == [0, 0])
        #expect(self.shares(try Self.places([.full]), tried: [0]) == [0])
    }

    @Test mutating func `goes on to no ejected place because the good ones are full`() throws {
        let places = try Self.places([.full, .full, .returning(at: 1000, ramp: 0)])
        var scene = UpstreamBalance.Scene(places: places, isListening: false, now: 0)
        scene.full = [places[0].published]
        for _ in 0..<100 { #expect(UpstreamBalance.choose(scene, &random) === places[1]) }
        scene.full.append(places[1].published)
        #expect(UpstreamBalance.choose(scene, &random) == nil)
    }

    @Test func `the place for an unknown task does not depend on the order of places, nor on other places`()
        throws
    {
        let places = try Self.places(Array(repeating: .full, count: 5))
        var counts = places.map { _ in 0 }
        for number in 0..<2000 {
            let id = Array("task-\(number)".utf8)
            func choice(_ places: [UpstreamPlace], tried: [UpstreamPlace] = []) -> UpstreamPlace? {
                let scene = UpstreamBalance.Scene(places: places, tried: tried, isListening: false, now: 0)
                return UpstreamBalance.choose(scene, forTask: id)
            }
            let chosen = try #require(choice(places))
            #expect(choice(places.reversed()) === chosen)
            let other = try #require(places.first { $0 !== chosen })
            #expect(choice(places.filter { $0 !== other }) === chosen)
            #expect(choice(places, tried: [chosen]) !== chosen)
            counts[try #require(places.firstIndex { $0 === chosen })] += 1
        }
        for count in counts { #expect(abs(count - 400) < 100, "\(counts)") }
    }

    @Test func `the place for an unknown task is one that is up, if any is`() throws {
        let places = try Self.places([.down, .returning(at: 1000, ramp: 0), .full])
        for number in 0..<50 {
            let scene = UpstreamBalance.Scene(places: places, isListening: false, now: 0)
            #expect(UpstreamBalance.choose(scene, forTask: Array("\(number)".utf8)) === places[2])
        }
    }
}
