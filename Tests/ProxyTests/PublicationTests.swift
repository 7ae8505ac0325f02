// What stays from one configuration to the next.

import JOSE
import Logging
import Policy
import Testing

@testable import Proxy

@Suite struct `A publisher` {
    private static func snapshot(_ servers: [[String]]) throws -> Snapshot {
        let routes = try servers.enumerated().map { index, hosts in
            Route(
                resource: try ResourceURI("https://gw.example/\(index)"),
                issuers: [IssuerID(0)],
                issuerURIs: ["https://as.example"],
                upstream: Upstream(
                    endpoints: hosts.map { Endpoint(host: $0, port: 80, authority: $0, path: "/mcp") },
                    credentials: .forward,
                    connectTimeout: 1000,
                    responseTimeout: 1000
                )
            )
        }
        return Snapshot(hash: "0", listeners: [], issuers: [], routes: routes)
    }

    private static func numbers(_ publication: Publication, routes: Int) -> [[Int]] {
        (0..<routes).map { publication.endpoints[$0] }
    }

    @Test func `gives the same endpoint the same number, in every route and configuration`() throws {
        var publisher = Publisher()
        let first = publisher.publish(try Self.snapshot([["a"], ["b", "a"]]))
        #expect(Self.numbers(first, routes: 2) == [[0], [1, 0]])
        #expect(first.newPlaces == [0, 1])
        let second = publisher.publish(try Self.snapshot([["c", "b"]]))
        #expect(Self.numbers(second, routes: 1) == [[2, 1]])
        #expect(second.newPlaces == [2])
        #expect(second.retiredPlaces == [0])
        #expect(second.hosts == ["b", "c"])
    }

    @Test func `gives a number again only when nobody can mean the endpoint of before by it`() throws {
        var publisher = Publisher()
        _ = publisher.publish(try Self.snapshot([["a"]]))
        let second = publisher.publish(try Self.snapshot([["b"]]))
        #expect(second.retiredPlaces == [0])
        publisher.forget(before: 1)
        let third = publisher.publish(try Self.snapshot([["c"]]))
        #expect(Self.numbers(third, routes: 1) == [[2]])
        // The first generation is gone, the second is not.
        publisher.forget(before: 2)
        let fourth = publisher.publish(try Self.snapshot([["d"]]))
        #expect(Self.numbers(fourth, routes: 1) == [[0]])
        #expect(fourth.newPlaces == [0])
        #expect(fourth.places[0].endpoint.host == "d")
        #expect(fourth.places[1].endpoint.host == "b")
    }

    @Test func `keeps the publication of now however old the workers say they are`() throws {
        var publisher = Publisher()
        weak var kept: Publication?
        weak var gone: Publication?
        do {
            let first = publisher.publish(try Self.snapshot([["a"]]))
            let second = publisher.publish(try Self.snapshot([["a"]]))
            (gone, kept) = (first, second)
        }
        publisher.forget(before: .max)
        #expect(gone == nil)
        #expect(kept != nil)
    }
}

@Suite struct `A worker's places` {
    @Test func `are new under a number that another endpoint had, and retired with their endpoint`() throws {
        var publisher = Publisher()
        let health = EndpointHealth(logger: Logger(label: "test")) { _ in }
        var pool = UpstreamPool(health: health, seed: 1)
        var addresses = AddressBook()
        func newest() throws -> UpstreamPlace {
            _ = pool.endpoint(0).reach(&addresses, health)
            return try #require(pool.endpoint(0).places.first)
        }
        let first = publisher.publish(try TestGateway.snapshot([1]))
        #expect(pool.adopt(first).isEmpty)
        let place = try newest()
        let id = ConnectionID(token: 7)
        #expect(place.keep(id, maximum: 1))
        #expect(!place.keep(id, maximum: 1))
        let second = publisher.publish(try TestGateway.snapshot([2]))
        #expect(pool.adopt(second) == [id])
        #expect(place.isRetired)
        #expect(!place.keep(id, maximum: 1))
        publisher.forget(before: 2)
        _ = pool.adopt(publisher.publish(try TestGateway.snapshot([3])))
        let next = try newest()
        #expect(next !== place)
        #expect(next.endpoint.port == 3)
    }
}
