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
        }
        sink.turn(on: destination != .off)
    }

    /// Writes what waits, as far as the file takes it.
    func flush() {
        state.withLock { state in
            if state.pending.count < Self.backlog {
                let taken = sink.takeAll()
                state.pending += taken.lines
                state.lost += taken.dropped
            }
            write(&state)
            tell(&state)
        }
    }

    private func write(_ state: inout State) {
        guard !state.pending.isEmpty, state.file != nil else { return }
        do throws(SystemError) {
            let written = try state.file?.write(state.pending) ?? 0
            state.pending = state.pending.dropFirst(written)
            if state.pending.isEmpty { state.pending = [] }
        } catch {
            // A full disk: what waits is lost, but for what may come in a moment.
            let lines = state.pending.count { $0 == UInt8(ascii: "\n") }
            sink.lose(lines)
            state.lost += lines
            state.problem = error.reason
            state.pending = []
        }
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

    /// Starts the thread.
    func start() throws(SystemError) {
        let logs = [access, audit]
        try Thread.start("audgate-log") {
            while true {
                for log in logs { log.flush() }
                Clock.sleep(milliseconds: Self.pause)
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

    /// Writes what waits.
    func flush() {
        access.flush()
        audit.flush()
    }
}
