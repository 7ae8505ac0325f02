// Where workers leave finished spans: a bounded buffer that one thread empties.

internal import Bytes
internal import JSON
internal import Synchronization

/// Spans of one round of a worker: one JSON object a line.
struct SpanLines: ~Copyable {
    /// The lines.
    fileprivate(set) var text = ByteBuffer()
    /// How many there are.
    fileprivate(set) var count = 0

    /// Adds the span whose members `body` writes.
    mutating func add(_ body: (inout JSONWriter) -> Void) {
        var loan = ByteBuffer()
        swap(&loan, &text)
        var writer = JSONWriter(reusing: loan)
        writer.object(body)
        text = writer.finish()
        text.append(ASCII.lineFeed)
        count += 1
    }
}

/// Spans that go to the collector together.
struct SpanBatch {
    /// Most spans.
    static let maximumCount = 512

    /// The spans, one JSON object a line.
    let lines: [UInt8]
    /// How many there are.
    let count: Int
}

/// Spans on their way from the workers to the exporter.
public final class SpanSink: Sendable {
    /// Most bytes that wait to be exported; what comes beyond is dropped and counted.
    public static let capacity = 8 * 1024 * 1024
    /// Milliseconds that spans wait for others.
    static let patience = 5000
    /// Most spans that a worker leaves at a time.
    static let maximumShare = SpanBatch.maximumCount / 2

    private struct State: ~Copyable {
        /// Batches that take no more.
        var full: [SpanBatch] = []
        /// Bytes in them.
        var fullBytes = 0
        /// What comes into the next batch.
        var text = ByteBuffer()
        var count = 0
        /// Milliseconds of the monotonic clock when the first of it came.
        var since = 0
        var dropped = 0

        mutating func close() {
            guard count > 0 else { return }
            full.append(SpanBatch(lines: Array(copying: text.span), count: count))
            fullBytes += text.count
            text.removeAll()
            count = 0
        }
    }

    private let state = Mutex(State())

    /// Makes an empty sink.
    public init() {}

    /// Takes the spans of a round over, at most `maximumShare`, and leaves `lines` empty with their memory.
    ///
    /// - Parameter now: Milliseconds of the monotonic clock.
    func take(_ lines: inout SpanLines, now: Int) {
        guard lines.count > 0 else { return }
        state.withLock { state in
            guard state.fullBytes + state.text.count + lines.text.count <= Self.capacity else {
                state.dropped += lines.count
                return
            }
            if state.count + lines.count > SpanBatch.maximumCount { state.close() }
            if state.count == 0 { state.since = now }
            state.text.append(lines.text.span)
            state.count += lines.count
        }
        lines.text.removeAll()
        lines.count = 0
    }

    /// Gives a batch out, the oldest first; nil while there is none but one that waits for more.
    ///
    /// - Parameters:
    ///   - now: Milliseconds of the monotonic clock.
    ///   - waits: Whether a batch that is not full waits at all.
    func nextBatch(now: Int, waits: Bool = true) -> SpanBatch? {
        state.withLock { state in
            let isDue =
                state.count == SpanBatch.maximumCount || !waits || now - state.since >= Self.patience
            if state.full.isEmpty, isDue { state.close() }
            guard !state.full.isEmpty else { return nil }
            let batch = state.full.removeFirst()
            state.fullBytes -= batch.lines.count
            return batch
        }
    }

    /// Number of spans that wait.
    var count: Int {
        state.withLock { state in state.full.reduce(state.count) { $0 + $1.count } }
    }

    /// Number of spans that were dropped since the last time.
    func takeDropped() -> Int {
        state.withLock { state in
            defer { state.dropped = 0 }
            return state.dropped
        }
    }
}
