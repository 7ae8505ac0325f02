// Sends spans to their collector, on a thread of its own: what the collector does never holds up a worker.

internal import Bytes
internal import HTTP
internal import JSON
public import Logging
public import Policy
internal import Synchronization
internal import Transport

/// Empties a `SpanSink` into the collector of the settings (OTLP over HTTP, in JSON).
public final class TraceExporter: Sendable {
    /// Milliseconds between two looks into the sink.
    private static let pause = 100
    /// Milliseconds for one request, connecting and the answer included.
    private static let requestTime = 10_000
    /// Most characters of a collector's own words in the log.
    private static let maximumProblemLength = 200

    private struct State {
        var settings: TraceSettings?
        var isRunning = false
        var counts = TraceCounts()
        /// Spans of which nobody was told what became of them: lost ones, and those that are being sent.
        var open = 0
        /// When the process ends, in milliseconds of the monotonic clock; nil until it is about to.
        var end: Int?
        var hasEnded = false
    }

    /// Where workers leave spans.
    public let sink = SpanSink()
    private let version: String
    private let logger: Logger
    private let state = Mutex(State())

    /// Makes an exporter without settings.
    ///
    /// - Parameters:
    ///   - version: Version of the program.
    ///   - logger: Is told of lost spans.
    public init(version: String, logger: Logger) {
        self.version = version
        self.logger = logger
    }

    /// What became of spans so far.
    public var counts: TraceCounts { state.withLock { $0.counts } }

    /// Exports by `settings` from now on, also what waits already; nil ends exporting.
    public func adopt(_ settings: TraceSettings?) {
        let mustStart = state.withLock { state in
            state.settings = settings
            defer { if settings != nil { state.isRunning = true } }
            return settings != nil && !state.isRunning
        }
        guard mustStart else { return }
        do throws(SystemError) {
            try Thread.start("audgate-traces") { self.run() }
        } catch {
            // Requests go on without it; the sink drops what has no room.
            state.withLock { $0.isRunning = false }
            logger.error("Spans cannot be exported.", metadata: ["error": "\(error)"])
        }
    }

    /// Exports what waits, without waiting for more of it; blocks for at most `patience` milliseconds.
    public func finish(patience: Int) {
        let end = Clock.monotonicMilliseconds + patience
        let isRunning = state.withLock { state in
            state.end = end
            return state.isRunning && state.settings != nil
        }
        guard isRunning else { return }
        while !state.withLock({ $0.hasEnded }) {
            guard Clock.monotonicMilliseconds < end + Self.pause else {
                let spans = state.withLock { $0.open } + sink.takeDropped() + sink.count
                return log(spans, "The collector did not take them before the process ended.")
            }
            Clock.sleep(milliseconds: 5)
        }
    }

    private func log(_ spans: Int, _ problem: String) {
        logger.warning("Spans were dropped.", metadata: ["spans": "\(spans)", "reason": "\(problem)"])
    }

    private func run() {
        var loop = ExportLoop()
        while true {
            let (settings, end) = state.withLock { ($0.settings, $0.end) }
            if let settings {
                export(by: settings, until: end, &loop)
            } else {
                loop.discardAll(of: sink, now: Clock.monotonicMilliseconds)
            }
            if end != nil { return state.withLock { $0.hasEnded = true } }
            Clock.sleep(milliseconds: Self.pause)
        }
    }

    /// Sends the batches that are due, all of them if the process ends.
    private func export(by settings: TraceSettings, until end: Int?, _ loop: inout ExportLoop) {
        let request = ExportRequest(serviceName: settings.serviceName, version: version)
        while let batch = loop.next(from: sink, now: Clock.monotonicMilliseconds, isEnding: end != nil) {
            tell(&loop)
            let deadline = min(Clock.monotonicMilliseconds + Self.requestTime, end ?? .max)
            let outcome = Self.send(request.content(of: batch), by: settings, until: deadline)
            loop.note(
                outcome,
                now: Clock.monotonicMilliseconds,
                isEnding: end != nil,
                jitter: Double.random(in: 0...1)
            )
            tell(&loop)
        }
        tell(&loop, isEnding: end != nil)
    }

    private func tell(_ loop: inout ExportLoop, isEnding: Bool = false) {
        switch loop.notice(now: Clock.monotonicMilliseconds, isEnding: isEnding) {
        case .dropped(let spans, let problem): log(spans, problem)
        case .recovered: logger.notice("The collector takes spans again.")
        case nil: break
        }
        let (counts, open) = (loop.counts, loop.open)
        state.withLock { state in
            state.counts = counts
            state.open = open
        }
    }

    private static func send(
        _ content: [UInt8],
        by settings: TraceSettings,
        until deadline: Int
    ) -> ExportOutcome {
        var request = BackgroundRequest(settings.endpoint)
        request.method = .post
        request.fields =
            [("Content-Type", "application/json")] + settings.fields.map { ($0.name, $0.value) }
        request.body = content
        request.tls = settings.tls
        request.patience = deadline - Clock.monotonicMilliseconds
        do throws(BackgroundFailure) {
            return outcome(of: try request.send())
        } catch {
            switch error.kind {
            // Nothing was sent.
            case .unresolved, .unreachable, .insecure: return .later(after: nil, problem: error.problem)
            case .silent, .malformed, .tooLarge: return .refused(problem: error.problem)
            }
        }
    }

    /// What an answer means (OTLP Specification, "OTLP/HTTP Response").
    static func outcome(of answer: BackgroundResponse) -> ExportOutcome {
        let problem = "The collector answered with status \(answer.status)."
        switch answer.status {
        case 200..<300: return partialSuccess(answer.body)
        case 429, 502, 503, 504:
            // A date is passed over; what is longer than the longest pause is as good as that.
            let after = answer.values(.retryAfter).first.flatMap { Int($0) }
                .map { min(max($0, 0), ExportLoop.longestPause) * 1000 }
            return .later(after: after, problem: problem)
        default: return .refused(problem: problem)
        }
    }

    /// A collector that takes a part only says so in the content of a success; `rejectedSpans` is an int64, and so a
    /// string in most mappings.
    private static func partialSuccess(_ body: [UInt8]) -> ExportOutcome {
        let object = try? JSONReader.read(body.span).object
        let partial = object?["partialSuccess"]?.object
        let rejected = partial?["rejectedSpans"]
        let count = rejected?.number?.integer ?? rejected?.string.flatMap { Int($0) } ?? 0
        let words = partial?["errorMessage"]?.string ?? ""
        let problem = "The collector rejected them: \(words.prefix(maximumProblemLength))"
        return .taken(rejected: count, problem: problem)
    }
}
