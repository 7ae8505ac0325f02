// Which batch is sent when, and what becomes of it: without a clock and without a network.

/// What came of sending a batch.
enum ExportOutcome: Equatable {
    /// The collector has taken all spans but `rejected`.
    case taken(rejected: Int, problem: String)
    /// It could take them later, `after` milliseconds if it said when.
    case later(after: Int?, problem: String)
    /// It will not take them, or they may have arrived already.
    case refused(problem: String)
}

/// What became of spans since the start of the process.
public struct TraceCounts: Sendable, Equatable {
    /// Spans that the collector has taken.
    public var exported = 0
    /// Spans that are lost: there was no room for them, or the collector did not take them.
    public var dropped = 0
    /// Batches that the collector did not take, after all tries.
    public var failedBatches = 0

    /// Counts from what is given on.
    public init(exported: Int = 0, dropped: Int = 0, failedBatches: Int = 0) {
        self.exported = exported
        self.dropped = dropped
        self.failedBatches = failedBatches
    }
}

/// Sends one batch after the other.
struct ExportLoop {
    /// What is worth a line in the log.
    enum Notice: Equatable {
        /// Spans were lost.
        case dropped(spans: Int, problem: String)
        /// A batch was taken after others were not.
        case recovered
    }

    /// Most tries of one batch.
    static let maximumTries = 5
    /// Milliseconds before the second try; each further pause is twice as long.
    static let firstPause = 1000
    /// Longest pause in milliseconds, whatever the collector asks for.
    static let longestPause = 30_000
    /// Milliseconds between two notices of lost spans.
    static let silence = 60_000

    private static let slowness = "The collector is too slow."

    /// What became of spans so far.
    private(set) var counts = TraceCounts()
    /// The batch that is being sent.
    private(set) var batch: SpanBatch?
    private var tries = 0
    /// When the next try is due.
    private var resumesAt = 0
    private var problem = Self.slowness
    /// Lost spans that no notice has told of.
    private var untold = 0
    private var tellsFrom = Int.min
    private var hasTold = false
    /// Whether the last batch was taken as a whole.
    private var isTaking = false

    /// The batch to send now, nil if there is none.
    ///
    /// - Parameters:
    ///   - sink: Where batches come from.
    ///   - now: Milliseconds of the monotonic clock.
    ///   - isEnding: Whether the process ends, so that nothing waits any more.
    mutating func next(from sink: SpanSink, now: Int, isEnding: Bool = false) -> SpanBatch? {
        lose(sink.takeDropped())
        if batch == nil {
            batch = sink.nextBatch(now: now, waits: !isEnding)
            tries = 0
            resumesAt = now
        }
        return isEnding || now >= resumesAt ? batch : nil
    }

    /// Notes what came of sending the batch.
    ///
    /// - Parameters:
    ///   - outcome: What came of it.
    ///   - now: Milliseconds of the monotonic clock.
    ///   - isEnding: Whether the process ends, so that there is no other try.
    ///   - jitter: A random number from 0 to 1, so that many processes do not come back at once.
    mutating func note(_ outcome: ExportOutcome, now: Int, isEnding: Bool = false, jitter: Double) {
        guard let current = batch else { return }
        tries += 1
        switch outcome {
        case .taken(let rejected, let problem):
            let rejected = min(max(rejected, 0), current.count)
            counts.exported += current.count - rejected
            self.problem = rejected > 0 ? problem : Self.slowness
            lose(rejected)
            isTaking = rejected == 0
            batch = nil
        case .later(let asked, let problem) where tries < Self.maximumTries && !isEnding:
            self.problem = problem
            let pause = asked ?? Int(Double(Self.firstPause << (tries - 1)) * (1 + jitter / 2))
            resumesAt = now + min(max(pause, Self.firstPause), Self.longestPause)
        case .later(_, let problem), .refused(let problem):
            self.problem = problem
            counts.failedBatches += 1
            lose(current.count)
            isTaking = false
            batch = nil
        }
    }

    /// Gives the batch up, and everything that waits behind it: nobody wants spans any more.
    mutating func discardAll(of sink: SpanSink, now: Int) {
        while next(from: sink, now: now, isEnding: true) != nil { batch = nil }
    }

    /// Lost spans that no notice has told of, and those of the batch that is being sent.
    var open: Int { untold + (batch?.count ?? 0) }

    private mutating func lose(_ spans: Int) {
        counts.dropped += spans
        untold += spans
    }

    /// What is to be told now, nil if nothing is.
    mutating func notice(now: Int, isEnding: Bool = false) -> Notice? {
        if untold > 0 {
            guard now >= tellsFrom || isEnding else { return nil }
            defer { untold = 0 }
            tellsFrom = now + Self.silence
            hasTold = true
            return .dropped(spans: untold, problem: problem)
        }
        guard hasTold, isTaking else { return nil }
        hasTold = false
        return .recovered
    }
}
