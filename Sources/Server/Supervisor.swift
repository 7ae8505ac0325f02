// What systemd is told of this process, by the protocol of sd_notify(3): lines of `NAME=value` in one datagram.

internal import Glibc
internal import Logging
internal import Transport

/// The service manager that started this process and wants to know how it is.
struct Supervisor {
    private let socket: NotifySocket
    private let logger: Logger
    /// Milliseconds between two signs of life, nil if none are wanted.
    private let interval: Int?
    private var nextSign = 0
    private var hasFailed = false

    /// The service manager that the environment names, nil if there is none.
    init?(_ variable: (String) -> String?, logger: Logger) {
        guard let name = variable("NOTIFY_SOCKET"), !name.isEmpty else { return nil }
        guard let socket = NotifySocket(name) else {
            logger.warning(
                "NOTIFY_SOCKET is neither a path nor a name in the abstract space: nobody is told how this process is."
            )
            return nil
        }
        self.socket = socket
        self.logger = logger
        interval = Self.interval(variable)
    }

    /// Half of the time after which a process without a sign of life counts as dead (sd_watchdog_enabled(3)).
    private static func interval(_ variable: (String) -> String?) -> Int? {
        guard let microseconds = variable("WATCHDOG_USEC").flatMap({ Int($0) }), microseconds > 0 else {
            return nil
        }
        if let process = variable("WATCHDOG_PID"), process != "\(getpid())" { return nil }
        return max(microseconds / 2000, 1)
    }

    /// Milliseconds until the next sign of life is due.
    func patience(now: Int) -> Int {
        interval == nil ? .max : max(nextSign - now, 1)
    }

    /// Gives a sign of life if one is due and every loop turns.
    mutating func watch(isAlive: Bool) {
        let now = Clock.monotonicMilliseconds
        guard let interval, now >= nextSign else { return }
        nextSign = now + interval
        if isAlive { say("WATCHDOG=1") }
    }

    /// The process serves.
    mutating func ready(_ status: String = "Serving.") {
        say("READY=1", "STATUS=\(status)")
    }

    /// The process takes its configuration anew; `ready` ends that.
    mutating func reloading() {
        say("RELOADING=1", "MONOTONIC_USEC=\(Clock.monotonicMicroseconds)", "STATUS=Reloading.")
    }

    /// What people read.
    mutating func status(_ text: String) {
        say("STATUS=\(text)")
    }

    /// The process ends, within so many milliseconds.
    mutating func stopping(within milliseconds: Int, _ status: String) {
        say("STOPPING=1", "EXTEND_TIMEOUT_USEC=\(milliseconds * 1000)", "STATUS=\(status)")
    }

    /// Another process is the service now. It is believed only if the one that was tells so.
    mutating func handedOver(to process: Int32) {
        say("MAINPID=\(process)")
    }

    private mutating func say(_ lines: String...) {
        do throws(SystemError) {
            try socket.send(lines.joined(separator: "\n"))
            hasFailed = false
        } catch {
            if !hasFailed {
                logger.warning("The service manager is not reached.", metadata: ["error": "\(error)"])
            }
            hasFailed = true
        }
    }
}
