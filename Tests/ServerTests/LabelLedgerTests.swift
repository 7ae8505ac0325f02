// Labels are few, the busiest have them, and no sum ever goes down.

import JOSE
import Policy
import Testing

@testable import Proxy
@testable import Server

/// A small generator with a fixed seed (SplitMix64), so that every run is the same.
private struct SeededGenerator: RandomNumberGenerator {
    var state: UInt64

    mutating func next() -> UInt64 {
        state &+= 0x9E37_79B9_7F4A_7C15
        var value = state
        value = (value ^ value >> 30) &* 0xBF58_476D_1CE4_E5B9
        value = (value ^ value >> 27) &* 0x94D0_49BB_1331_11EB
        return value ^ value >> 31
    }
}

extension MetricsLedger {
    /// Every sum for routes, by label and what was counted.
    var sums: [String: Int] {
        var sums: [String: Int] = [:]
        for (label, account) in routes.all {
            sums["\(label) allowed"] = account.row[RouteColumn.allowed]
            for (code, count) in account.codes { sums["\(label) \(Reason.all[code].code)"] = count }
        }
        return sums
    }

    func allowed(_ name: String) -> Int? {
        let label = name == "other" ? name : Scene.resource(name)
        return routes.all.first { $0.label == label }?.account.row[RouteColumn.allowed]
    }

    mutating func book(_ publication: Publication, _ workers: [CountingWorker], limit: Int) {
        book(Scene.observation(publication, workers.map(\.report)), limit: limit)
    }
}

@Suite struct `Labels of routes` {
    @Test func `are for all where there are few, from the first moment on`() throws {
        var publisher = Publisher()
        let publication = publisher.publish(try Scene.snapshot(["a", "b"]))
        let worker = CountingWorker(publication)
        worker.count("a", times: 2)
        worker.count(nil, .access(.hostUnknown))
        var ledger = MetricsLedger()
        ledger.book(publication, [worker], limit: 2)
        #expect(ledger.routes.all.map(\.label) == [Scene.resource("a"), Scene.resource("b"), "none"])
        #expect(ledger.allowed("a") == 2)
        #expect(ledger.allowed("b") == 0)
        #expect(ledger.sums["none host_unknown"] == 1)
    }

    @Test func `are for the busiest where there are many, and stay with those who have them`() throws {
        let names = (0..<50).map { "r\($0)" }
        var publisher = Publisher()
        let publication = publisher.publish(try Scene.snapshot(names))
        let worker = CountingWorker(publication)
        var ledger = MetricsLedger()
        ledger.book(publication, [worker], limit: 2)
        #expect(ledger.routes.all.isEmpty, "nobody has asked for anything")
        worker.count("r1", times: 3)
        worker.count("r2", .access(.noCredentials), times: 5)
        worker.count("r3", times: 1)
        ledger.book(publication, [worker], limit: 2)
        #expect(ledger.routes.all.map(\.label) == [Scene.resource("r1"), Scene.resource("r2"), "other"])
        worker.count("r3", times: 1000)
        ledger.book(publication, [worker], limit: 2)
        #expect(ledger.routes.all.map(\.label) == [Scene.resource("r1"), Scene.resource("r2"), "other"])
        #expect(ledger.allowed("other") == 1001)
        ledger.book(publication, [worker], limit: 3)
        worker.count("r3", times: 10)
        ledger.book(publication, [worker], limit: 3)
        #expect(ledger.allowed("r3") == 10, "what was summed up with others stays there")
        #expect(ledger.allowed("other") == 1001)
    }

    @Test func `booking twice counts once`() throws {
        var publisher = Publisher()
        let publication = publisher.publish(try Scene.snapshot(["a"]))
        let worker = CountingWorker(publication)
        worker.count("a", times: 6)
        let times = RequestTimes(whole: 700, upstream: nil)
        worker.counters.countEnd(row: worker.row("a"), .access(.allowed), times)
        var ledger = MetricsLedger()
        for _ in 0..<3 { ledger.book(publication, [worker], limit: 10) }
        #expect(ledger.allowed("a") == 7)
        let row = try #require(ledger.routes.all.first?.account.row)
        #expect(row[RouteColumn.latency + 1] == 1)
        #expect(row[RouteColumn.latency + LatencyHistogram.classes] == 700)
    }

    @Test func `a lower limit takes labels from the least busy, and what they had goes to the others`() throws
    {
        var publisher = Publisher()
        let publication = publisher.publish(try Scene.snapshot(["a", "b", "c"]))
        let worker = CountingWorker(publication)
        worker.count("a", times: 5)
        worker.count("b", times: 9)
        worker.count("c", times: 7)
        var ledger = MetricsLedger()
        ledger.book(publication, [worker], limit: 3)
        worker.count("a", times: 2)
        ledger.book(publication, [worker], limit: 1)
        #expect(ledger.routes.all.map(\.label) == [Scene.resource("b"), "other"])
        #expect(ledger.allowed("other") == 14)
    }

    /// Routes come, go and come back, rows are reused, workers are late, labels are given and taken.
    @Test func `no sum ever goes down while a label is shown`() throws {
        var generator = SeededGenerator(state: 5)
        var publisher = Publisher()
        let names = (0..<40).map { "r\($0)" }
        var publication = publisher.publish(try Scene.snapshot(Array(names.prefix(20))))
        var workers = (0..<3).map { CountingWorker(publication, index: $0) }
        var all = [publication]
        var ledger = MetricsLedger()
        var before: [String: Int] = [:]
        var reused = 0
        let reasons = [Reason.access(.allowed), .access(.noCredentials), .token(.expired)]
        for _ in 0..<400 {
            for index in workers.indices {
                // A worker that is late goes on with the configuration of before.
                if Int.random(in: 0..<3, using: &generator) > 0 {
                    let known = workers[index].publication.generation
                    for next in all where next.generation > known { workers[index].adopt(next) }
                }
                for _ in 0..<20 {
                    let known = workers[index].publication.snapshot.routes.count
                    let route = workers[index].publication.snapshot.routes[
                        Int.random(in: 0..<known, using: &generator)
                    ]
                    let name = route.resource.text.split(separator: "/").last.map(String.init)
                    workers[index].count(name, reasons.randomElement(using: &generator) ?? reasons[0])
                }
            }
            ledger.book(publication, workers, limit: Int.random(in: 1...12, using: &generator))
            let now = ledger.sums
            for (key, sum) in now { #expect(sum >= before[key, default: 0], "\(key)") }
            #expect(ledger.routes.all.count <= 14)
            before = now
            let oldest = workers.map(\.publication.generation).min() ?? 0
            publisher.forget(before: oldest)
            guard Int.random(in: 0..<3, using: &generator) == 0 else { continue }
            let chosen = names.filter { _ in Bool.random(using: &generator) }
            publication = publisher.publish(try Scene.snapshot(chosen.isEmpty ? ["r0"] : chosen))
            all.append(publication)
            reused += publication.reusedRouteRows.count
        }
        #expect(reused > 20, "rows have gone from one route to another")
    }
}

@Suite struct `Labels of replays` {
    @Test func `are pairs of resources, and end with them`() throws {
        var publisher = Publisher()
        let first = publisher.publish(try Scene.snapshot(["a", "b", "c"]))
        var workers = [CountingWorker(first), CountingWorker(first, index: 1)]
        workers[0].replay(from: "a", to: "b", times: 2)
        workers[1].replay(from: "a", to: "b", times: 3)
        workers[1].replay(from: "c", to: "b")
        workers[1].counters.totals.otherReplays = 4
        var ledger = MetricsLedger()
        for _ in 0..<2 { ledger.book(first, workers, limit: 10) }
        let pair = ReplayLedger.Pair(issuedFor: Scene.resource("a"), presentedAt: Scene.resource("b"))
        #expect(ledger.replays.counts[pair] == 5)
        #expect(ledger.replays.counts.count == 2)
        #expect(ledger.replays.other == 4)
        let second = publisher.publish(try Scene.snapshot(["a", "b"]))
        workers[0].adopt(second)
        workers[1].adopt(second)
        workers[0].replay(from: "a", to: "b")
        ledger.book(second, workers, limit: 10)
        #expect(ledger.replays.counts == [pair: 6])
    }
}
