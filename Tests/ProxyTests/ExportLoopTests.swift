// Batches, retries and losses, on a clock of the test's own.

import Bytes
import HTTP
import JSON
import Testing

@testable import Proxy

extension SpanSink {
    /// Leaves `count` spans of about `length` bytes each, as workers do.
    func leave(_ count: Int, length: Int = 10, now: Int = 0) {
        let filler = String(repeating: "x", count: length)
        var left = count
        while left > 0 {
            var lines = SpanLines()
            let share = min(left, Self.maximumShare)
            for _ in 0..<share { lines.add { $0.member("n", filler) } }
            take(&lines, now: now)
            left -= share
        }
    }
}

@Suite struct `Spans on their way to the exporter` {
    @Test func `wait until a batch is full or they are old`() {
        let sink = SpanSink()
        #expect(sink.nextBatch(now: 0)?.count == nil)
        #expect(sink.nextBatch(now: 0, waits: false)?.count == nil)
        sink.leave(3, now: 1000)
        sink.leave(2, now: 5999)
        #expect(sink.nextBatch(now: 5999)?.count == nil)
        #expect(sink.nextBatch(now: 6000)?.count == 5)
        #expect(sink.nextBatch(now: 60_000)?.count == nil)
        sink.leave(1, now: 6001)
        #expect(sink.nextBatch(now: 11_000)?.count == nil)
        #expect(sink.nextBatch(now: 6001, waits: false)?.count == 1)
    }

    @Test func `go in batches of at most 512, in their order`() throws {
        let sink = SpanSink()
        for number in 0..<1300 {
            var lines = SpanLines()
            lines.add { $0.member("n", number) }
            sink.take(&lines, now: 0)
            #expect(lines.count == 0)
        }
        var numbers: [Int] = []
        var counts: [Int] = []
        while let batch = sink.nextBatch(now: 0, waits: false) {
            counts.append(batch.count)
            numbers += try WrittenSpan.read(batch.lines).compactMap { $0.object["n"]?.number?.integer }
        }
        #expect(counts == [512, 512, 276])
        #expect(numbers == Array(0..<1300))
    }

    @Test func `are dropped and counted where there is no room, and taken again where there is`() {
        let sink = SpanSink()
        sink.leave(20_000, length: 1000)
        let dropped = sink.takeDropped()
        let room = SpanSink.capacity / 1009
        #expect(dropped > 20_000 - room && dropped < 20_000 - room + SpanSink.maximumShare + 1)
        #expect(sink.takeDropped() == 0)
        #expect(sink.nextBatch(now: 0)?.count == 512)
        sink.leave(100, length: 1000)
        #expect(sink.takeDropped() == 0)
        var count = 512
        while let batch = sink.nextBatch(now: 0, waits: false) { count += batch.count }
        #expect(count == 20_000 - dropped + 100)
    }
}

@Suite struct `The exporter's loop` {
    private static let taken = ExportOutcome.taken(rejected: 0, problem: "")
    private static let later = ExportOutcome.later(after: nil, problem: "503")

    @Test func `sends what is due, and nothing twice`() {
        let sink = SpanSink()
        var loop = ExportLoop()
        sink.leave(600)
        #expect(loop.next(from: sink, now: 0)?.count == 512)
        loop.note(Self.taken, now: 0, jitter: 0)
        #expect(loop.next(from: sink, now: 4999)?.count == nil)
        #expect(loop.next(from: sink, now: 5000)?.count == 88)
        loop.note(Self.taken, now: 5000, jitter: 0)
        #expect(loop.next(from: sink, now: 60_000)?.count == nil)
        #expect(loop.counts == TraceCounts(exported: 600, dropped: 0, failedBatches: 0))
        #expect(loop.notice(now: 60_000) == nil)
    }

    @Test func `tries five times with growing pauses, then goes on with the next batch`() {
        let sink = SpanSink()
        var loop = ExportLoop()
        sink.leave(1024)
        var (now, times): (Int, [Int]) = (0, [])
        while loop.counts.failedBatches == 0 {
            if loop.next(from: sink, now: now) != nil {
                times.append(now)
                loop.note(Self.later, now: now, jitter: 0)
            }
            now += 100
        }
        #expect(times == [0, 1000, 3000, 7000, 15_000])
        #expect(loop.counts == TraceCounts(exported: 0, dropped: 512, failedBatches: 1))
        #expect(loop.next(from: sink, now: now)?.count == 512)
        loop.note(Self.taken, now: now, jitter: 0)
        #expect(loop.counts == TraceCounts(exported: 512, dropped: 512, failedBatches: 1))
    }

    /// What the collector asks for in milliseconds, and what it gets.
    @Test(arguments: [(0, 1000), (-5, 1000), (999, 1000), (7000, 7000), (30_000, 30_000), (.max, 30_000)])
    func `waits for as long as the collector says, within bounds`(_ asked: Int, _ pause: Int) {
        let sink = SpanSink()
        var loop = ExportLoop()
        sink.leave(512)
        #expect(loop.next(from: sink, now: 0) != nil)
        loop.note(.later(after: asked, problem: ""), now: 0, jitter: 1)
        #expect(loop.next(from: sink, now: pause - 1) == nil)
        #expect(loop.next(from: sink, now: pause)?.count == 512)
    }

    @Test func `comes back at other times than its neighbours`() {
        for (jitter, pause) in [(0.0, 1000), (0.5, 1250), (1.0, 1500)] {
            let sink = SpanSink()
            var loop = ExportLoop()
            sink.leave(512)
            _ = loop.next(from: sink, now: 0)
            loop.note(Self.later, now: 0, jitter: jitter)
            #expect(loop.next(from: sink, now: pause - 1) == nil)
            #expect(loop.next(from: sink, now: pause) != nil)
        }
    }

    @Test func `gives a batch up that was refused, and counts what was rejected of others`() {
        let sink = SpanSink()
        var loop = ExportLoop()
        sink.leave(1024)
        _ = loop.next(from: sink, now: 0)
        loop.note(.refused(problem: "401"), now: 0, jitter: 0)
        #expect(loop.notice(now: 0) == .dropped(spans: 512, problem: "401"))
        _ = loop.next(from: sink, now: 0)
        loop.note(.taken(rejected: 12, problem: "bad"), now: 0, jitter: 0)
        #expect(loop.counts == TraceCounts(exported: 500, dropped: 524, failedBatches: 1))
        // Without a batch there is nothing to note.
        loop.note(Self.taken, now: 0, jitter: 0)
        #expect(loop.counts.exported == 500)
    }

    @Test(arguments: [-1, .min, 513, .max])
    func `believes no number of rejected spans that cannot be`(_ rejected: Int) {
        let sink = SpanSink()
        var loop = ExportLoop()
        sink.leave(512)
        _ = loop.next(from: sink, now: 0)
        loop.note(.taken(rejected: rejected, problem: ""), now: 0, jitter: 0)
        #expect(loop.counts.exported + loop.counts.dropped == 512)
        #expect(loop.counts.dropped == (rejected < 0 ? 0 : 512))
    }

    @Test func `tells of losses once a minute, and of the end of them once`() {
        let sink = SpanSink()
        var loop = ExportLoop()
        func lose(now: Int) {
            sink.leave(512)
            _ = loop.next(from: sink, now: now)
            loop.note(.refused(problem: "400"), now: now, jitter: 0)
        }
        lose(now: 1000)
        #expect(loop.notice(now: 1000) == .dropped(spans: 512, problem: "400"))
        lose(now: 2000)
        lose(now: 60_999)
        #expect(loop.notice(now: 60_999) == nil)
        #expect(loop.notice(now: 61_000) == .dropped(spans: 1024, problem: "400"))
        #expect(loop.notice(now: 130_000) == nil)
        sink.leave(512)
        _ = loop.next(from: sink, now: 130_000)
        loop.note(Self.taken, now: 130_000, jitter: 0)
        #expect(loop.notice(now: 130_000) == .recovered)
        #expect(loop.notice(now: 130_000) == nil)
        // What is still untold at the end of the process is told then.
        lose(now: 130_001)
        _ = loop.notice(now: 130_001)
        lose(now: 130_002)
        #expect(loop.notice(now: 130_002) == nil)
        #expect(loop.notice(now: 130_002, isEnding: true) == .dropped(spans: 512, problem: "400"))
    }

    @Test func `tells what had no room`() {
        let sink = SpanSink()
        var loop = ExportLoop()
        sink.leave(20_000, length: 1000)
        _ = loop.next(from: sink, now: 0)
        guard case .dropped(let spans, let problem) = loop.notice(now: 0) else {
            Issue.record("No notice.")
            return
        }
        #expect(spans == loop.counts.dropped && spans > 10_000)
        #expect(problem == "The collector is too slow.")
    }

    @Test func `waits for nothing when the process ends`() {
        let sink = SpanSink()
        var loop = ExportLoop()
        sink.leave(513)
        _ = loop.next(from: sink, now: 0)
        loop.note(Self.later, now: 0, jitter: 0)
        #expect(loop.next(from: sink, now: 1) == nil)
        #expect(loop.next(from: sink, now: 1, isEnding: true)?.count == 512)
        loop.note(Self.later, now: 1, isEnding: true, jitter: 0)
        #expect(loop.counts.failedBatches == 1)
        #expect(loop.next(from: sink, now: 1, isEnding: true)?.count == 1)
        loop.note(Self.taken, now: 1, isEnding: true, jitter: 0)
        #expect(loop.next(from: sink, now: 1, isEnding: true) == nil)
        #expect(loop.counts == TraceCounts(exported: 1, dropped: 512, failedBatches: 1))
    }

    @Test func `throws away what nobody wants`() {
        let sink = SpanSink()
        var loop = ExportLoop()
        sink.leave(2000)
        loop.discardAll(of: sink, now: 0)
        #expect(sink.nextBatch(now: 0, waits: false) == nil)
        #expect(loop.next(from: sink, now: 100_000) == nil)
    }
}

@Suite struct `The answer of a collector` {
    private static func outcome(_ status: Int, _ body: String = "", after: Int? = nil) -> ExportOutcome {
        TraceExporter.outcome(
            of: BackgroundResponse(
                status: status,
                fields: after.map { [(.retryAfter, "\($0)")] } ?? [],
                body: Array(body.utf8)
            )
        )
    }

    @Test(arguments: [
        ("", 0), ("{}", 0), ("not JSON", 0), ("[]", 0), (#"{"partialSuccess":{}}"#, 0),
        (#"{"partialSuccess":{"rejectedSpans":"3","errorMessage":"too old"}}"#, 3),
        (#"{"partialSuccess":{"rejectedSpans":4}}"#, 4), (#"{"partialSuccess":{"rejectedSpans":"x"}}"#, 0),
        (#"{"partialSuccess":{"rejectedSpans":"99999999999999999999"}}"#, 0),
        (#"{"partialSuccess":{"rejectedSpans":null}}"#, 0), (#"{"partialSuccess":[]}"#, 0),
    ])
    func `is a success, and may reject a part`(_ body: String, _ count: Int) {
        guard case .taken(let rejected, _) = Self.outcome(200, body) else {
            Issue.record("No success.")
            return
        }
        #expect(rejected == count)
    }

    @Test(arguments: [429, 502, 503, 504])
    func `asks for another try`(_ status: Int) {
        let problem = "The collector answered with status \(status)."
        #expect(Self.outcome(status) == .later(after: nil, problem: problem))
        #expect(Self.outcome(status, after: 7) == .later(after: 7000, problem: problem))
        guard case .later(.some, _) = Self.outcome(status, after: .max) else {
            Issue.record("No pause.")
            return
        }
    }

    @Test(arguments: [300, 302, 304, 400, 401, 403, 404, 408, 413, 415, 500, 501, 599])
    func `is final otherwise`(_ status: Int) {
        #expect(
            Self.outcome(status, after: 5)
                == .refused(problem: "The collector answered with status \(status).")
        )
    }
}
