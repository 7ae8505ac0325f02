// Writes the logs on a thread of its own, so that a slow disk or pipe never holds up a worker.

internal import Configuration
internal import Glibc
internal import Logging
internal import Proxy
internal import Synchronization
internal import Transport

/// One log: where its lines wait, and where they go.
final class Log: Sendable {
    /// Most bytes that wait here because the file takes no more; while there are so many the sink is not emptied.
    private static let backlog = 1024 * 1024
    /// Milliseconds between two messages about lost lines.
    private static let silence = 10_000

    private struct State: ~Copyable {
        var file: LogFile?
        var destination: LogSettings.Destination
        /// Taken from the sink and not written.
        var pending: ArraySlice<UInt8> = []
        var lost = 0
        var problem: String?
        var saysFrom = 0
    }

    /// Where lines wait.
    let sink = LogSink()
    private let name: String
    private let logger: Logger
    private let state: Mutex<State>

    /// Opens a log; `name` is how messages call it.
    init(_ name: String, to destination: LogSettings.Destination, logger: Logger) throws(StartError) {
        self.name = name
        self.logger = logger
        state = Mutex(State(file: try LogFile(destination), destination: destination))
        sink.turn(on: destination != .off)
    }

    /// Sends the lines elsewhere from now on.
    ///
    /// - Throws: What cannot be opened; the log goes on as before then.
    func redirect(to destination: LogSettings.Destination) throws(StartError) {
        guard state.withLock({ $0.destination != destination }) else { return }
        try open(destination)
    }

    /// Opens the file anew, after somebody has moved the old one away.
    func reopen() {
        do {
            try open(state.withLock { $0.destination })
        } catch {
            logger.error("\(error.sentence) The old file is written on.")
        }
    }

    private func open(_ destination: LogSettings.Destination) throws(StartError) {
        flush()
        try state.withLock { state throws(StartError) in
            state.file = try LogFile(destination)
            state.destination = destination
            if destination == .off { giveUp(&state) }
        }
        sink.turn(on: destination != .off)
    }

    /// Writes what waits, as far as the file takes it.
    ///
    /// - Returns: The descriptor that has no room for the rest, nil if there is none.
    @discardableResult
    func flush() -> CInt? {
        state.withLock { state in
            var hasTaken = false
            repeat {
                hasTaken = state.pending.count < Self.backlog
                if hasTaken { take(&state) }
                write(&state)
            } while !hasTaken && state.pending.isEmpty
            tell(&state)
            return state.pending.isEmpty ? nil : state.file?.descriptor
        }
    }

    /// Counts as lost what waits still, and says what was lost.
    func end() {
        state.withLock { state in
            take(&state)
            giveUp(&state)
            state.saysFrom = 0
            tell(&state)
        }
    }

    private func take(_ state: inout State) {
        let taken = sink.takeAll()
        state.pending += taken.lines
        state.lost += taken.dropped
    }

    private func write(_ state: inout State) {
        guard !state.pending.isEmpty, state.file != nil else { return }
        do throws(SystemError) {
            let lost = try state.file?.write(&state.pending) ?? 0
            sink.lose(lost)
            state.lost += lost
            if state.pending.isEmpty { state.pending = [] }
        } catch {
            // A full disk: what waits is lost, but for what may come in a moment.
            state.problem = error.reason
            giveUp(&state)
        }
    }

    private func giveUp(_ state: inout State) {
        let lines = state.pending.count { $0 == UInt8(ascii: "\n") }
        sink.lose(lines)
        state.lost += lines
        state.pending = []
    }

    private func tell(_ state: inout State) {
        let now = Clock.monotonicMilliseconds
        guard state.lost > 0, now >= state.saysFrom else { return }
        logger.error(
            "Lines of a log were lost.",
            metadata: [
                "log": "\(name)", "lines": "\(state.lost)",
                "reason": "\(state.problem ?? "It is written more slowly than it fills.")",
            ]
        )
        state.lost = 0
        state.problem = nil
        state.saysFrom = now + Self.silence
    }
}

/// All logs of the process, and the thread that writes them.
struct LogWriter {
    /// Milliseconds between two looks into the sinks.
    private static let pause = 50

    /// A line for each request.
    let access: Log
    /// A line for each refusal, and for what is done to the gateway.
    let audit: Log

    /// Opens the logs.
    init(_ settings: LogSettings, logger: Logger) throws(StartError) {
        access = try Log("access", to: settings.access, logger: logger)
        audit = try Log("audit", to: settings.audit, logger: logger)
    }

    /// Both; the one with fewer lines first, so that the other leaves room for it where they share a pipe.
    private var all: [Log] { [audit, access] }

    /// Starts the thread.
    func start() throws(SystemError) {
        let logs = all
        try Thread.start("audgate-log") {
            while true {
                LogFile.awaitRoom(in: logs.compactMap { $0.flush() }, milliseconds: Self.pause)
            }
        }
    }

    /// Takes new settings over.
    ///
    /// - Throws: What cannot be opened.
    func apply(_ settings: LogSettings) throws(StartError) {
        try access.redirect(to: settings.access)
        try audit.redirect(to: settings.audit)
    }

    /// Opens all files anew.
    func reopen() {
        access.reopen()
        audit.reopen()
    }

    /// Writes what waits, for so many milliseconds at most, and says what is lost.
    func finish(patience: Int) {
        let deadline = Clock.monotonicMilliseconds + patience
        var full = all.compactMap { $0.flush() }
        while !full.isEmpty, Clock.monotonicMilliseconds < deadline {
            LogFile.awaitRoom(in: full, milliseconds: Self.pause)
            full = all.compactMap { $0.flush() }
        }
        for log in all { log.end() }
    }
}
