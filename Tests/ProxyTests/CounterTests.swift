// Counters: rows that copies do not disturb, times in classes, and rows that stay with their routes.

import Bytes
import JOSE
import JSON
import OpenSSL
import Policy
import Testing

@testable import Proxy

@Suite struct `Rows of counters` {
    @Test func `are zero until something is counted`() {
        let counters = CounterRows(width: 3)
        #expect(counters.table[0, 0] == 0)
        #expect(counters.table[10_000, 2] == 0)
        #expect(counters.table[5] == nil)
        counters.add(row: 100, 1)
        counters.add(41, row: 100, 1)
        counters.set(7, row: 99, 2)
        let rows = counters.table
        #expect(rows[100, 1] == 42)
        #expect(rows[99, 2] == 7)
        #expect(rows[100].map(Array.init) == [0, 42, 0])
        #expect(rows[99].map(Array.init) == [0, 0, 7])
        #expect(rows[5] == nil)
    }

    @Test func `a copy stays as it was`() {
        let counters = CounterRows(width: 2)
        for row in 0..<100 { counters.add(row, row: row, 0) }
        let before = counters.table
        for row in 0..<100 { counters.add(1000, row: row, 0) }
        counters.clear(row: 3)
        for row in 0..<100 { #expect(before[row, 0] == row) }
        #expect(counters.table[3, 0] == 0)
        #expect(counters.table[4, 0] == 1004)
    }

    @Test func `codes count by row and code, and are cleared by row`() {
        var rows = CodeRows(codes: 10)
        for row in [0, 31, 32, 5000] {
            rows.add(row: row, code: 0)
            rows.add(row: row, code: 9)
            rows.add(row: row, code: 9)
        }
        let before = rows
        rows.clear(row: 31)
        rows.clear(row: 77)
        #expect(rows[31] == [:])
        #expect(rows[32] == [0: 1, 9: 2])
        #expect(rows[31, 9] == 0)
        #expect(rows[5000, 9] == 2)
        #expect(before[31] == [0: 1, 9: 2])
        var seen: [[Int]] = []
        rows.forEach { seen.append([$0, $1, $2]) }
        #expect(
            seen.sorted { $0.lexicographicallyPrecedes($1) } == [
                [0, 0, 1], [0, 9, 2], [32, 0, 1], [32, 9, 2], [5000, 0, 1], [5000, 9, 2],
            ]
        )
    }

    @Test func `replays are told apart up to a bound, and lost no more than one by one`() {
        let counters = WorkerCounters()
        for number in 0..<(WorkerCounters.maximumReplayPairs + 5) {
            counters.countReplay(ReplayPair(issuedFor: number, presentedAt: 1), now: number)
        }
        counters.countReplay(ReplayPair(issuedFor: 3, presentedAt: 1), now: 99)
        #expect(counters.replays.count == WorkerCounters.maximumReplayPairs)
        #expect(counters.totals.otherReplays == 5)
        #expect(counters.replays[ReplayPair(issuedFor: 3, presentedAt: 1)]?.count == 2)
        #expect(counters.replays[ReplayPair(issuedFor: 3, presentedAt: 1)]?.last == 99)
        counters.clear(routes: [3], endpoints: [])
        #expect(counters.replays[ReplayPair(issuedFor: 3, presentedAt: 1)] == nil)
        #expect(counters.replays.count == WorkerCounters.maximumReplayPairs - 1)
    }

    @Test func `kinds of handshakes are in their places`() {
        for (number, kind) in HandshakeKind.allCases.enumerated() { #expect(kind.number == number) }
        #expect(HandshakeKind.allCases.count == 8)
    }
}

@Suite struct `A histogram of times` {
    @Test(arguments: [
        (-5, 0), (0, 0), (500, 0), (501, 1), (1000, 1), (1001, 2), (60_000_000, 15), (60_000_001, 16),
        (Int.max, 16),
    ])
    func `has a class for each time`(_ microseconds: Int, _ number: Int) {
        #expect(LatencyHistogram.classNumber(of: microseconds) == number)
    }

    @Test func `its bounds rise`() {
        #expect(LatencyHistogram.bounds == LatencyHistogram.bounds.sorted())
        #expect(Set(LatencyHistogram.bounds).count == LatencyHistogram.bounds.count)
    }

    @Test func `its quantiles lie within their classes`() {
        var counts = [Int](repeating: 0, count: LatencyHistogram.width)
        #expect(LatencyHistogram.quantile(0.5, of: counts[...]) == 0)
        counts[1] = 100
        #expect(LatencyHistogram.quantile(0.5, of: counts[...]) == 750)
        #expect(LatencyHistogram.quantile(1, of: counts[...]) == 1000)
        counts[LatencyHistogram.classes - 1] = 100
        #expect(LatencyHistogram.quantile(0.99, of: counts[...]) == 60_000_000)
        #expect(LatencyHistogram.quantile(0.5, of: counts[...]) == 1000)
        // The sum stands behind the classes, and is none.
        counts[LatencyHistogram.classes] = 1_000_000_000
        #expect(LatencyHistogram.quantile(0.5, of: counts[...]) == 1000)
    }
}

@Suite struct `Rows of routes` {
    private static func snapshot(_ paths: [String], servers: [UInt16] = [80]) throws -> Snapshot {
        let routes = try paths.map { path in
            Route(
                resource: try ResourceURI("https://gw.example/\(path)"),
                issuers: [IssuerID(0)],
                issuerURIs: ["https://as.example"],
                upstream: Upstream(
                    endpoints: servers.map {
                        Endpoint(host: "10.0.0.1", port: $0, authority: "10.0.0.1:\($0)", path: "/\(path)")
                    },
                    credentials: .forward,
                    connectTimeout: 1000,
                    responseTimeout: 1000
                )
            )
        }
        return Snapshot(hash: "", listeners: [], issuers: [], routes: routes)
    }

    private static func rows(_ publication: Publication) -> [String: CounterOwner] {
        var rows: [String: CounterOwner] = [:]
        for owner in publication.routeRows {
            rows[String(owner.name.split(separator: "/").last ?? "")] = owner
        }
        return rows
    }

    @Test func `stay with their resources through all configurations`() throws {
        var publisher = Publisher()
        let first = Self.rows(publisher.publish(try Self.snapshot(["a", "b", "c"])))
        let second = Self.rows(publisher.publish(try Self.snapshot(["c", "x", "a"])))
        #expect(second["a"] == first["a"])
        #expect(second["c"] == first["c"])
        #expect(second["x"]?.since == 2)
        let taken = [first["a"], first["b"], first["c"], second["x"]].compactMap { $0?.row }
        #expect(Set(taken).count == 4)
        #expect(!taken.contains(0), "row 0 is for requests without a route")
    }

    @Test func `go to another route when no worker has anything of the old one, and are cleared then`() throws
    {
        var publisher = Publisher()
        let first = Self.rows(publisher.publish(try Self.snapshot(["a", "b"])))
        let gone = try #require(first["b"]?.row)
        _ = publisher.publish(try Self.snapshot(["a"]))
        let third = publisher.publish(try Self.snapshot(["a", "c"]))
        #expect(Self.rows(third)["c"]?.row != gone, "a worker may still count for the old route")
        #expect(third.reusedRouteRows == [])
        publisher.forget(before: 3)
        let fourth = publisher.publish(try Self.snapshot(["a", "c", "d"]))
        #expect(Self.rows(fourth)["d"] == CounterOwner(name: "https://gw.example/d", row: gone, since: 4))
        #expect(fourth.reusedRouteRows == [gone])
    }

    @Test func `endpoints have rows that stay with them as well`() throws {
        var publisher = Publisher()
        let first = publisher.publish(try Self.snapshot(["a"], servers: [1, 2]))
        let second = publisher.publish(try Self.snapshot(["a"], servers: [2, 3]))
        #expect(first.endpointRows.map(\.name) == ["10.0.0.1:1", "10.0.0.1:2"])
        #expect(second.endpointRows.map(\.name) == ["10.0.0.1:2", "10.0.0.1:3"])
        #expect(second.endpointRows[0] == first.endpointRows[1])
        #expect(second.endpointRows[1].since == 2)
        publisher.forget(before: 2)
        let third = publisher.publish(try Self.snapshot(["a"], servers: [2, 4]))
        #expect(third.endpointRows.map(\.row).contains(first.endpointRows[0].row))
        #expect(third.endpointRows.first { $0.name == "10.0.0.1:4" }?.since == 3)
    }
}
