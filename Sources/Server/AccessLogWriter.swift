// Writes the access log on a thread of its own, so that a slow disk or pipe never holds up a worker.

internal import Configuration
internal import Glibc
internal import Logging
internal import Proxy
internal import Synchronization
internal import Transport

/// Empties a `LogSink` into standard output or a file.
final class AccessLogWriter: Sendable {
    /// Milliseconds between two looks into the sink.
    private static let pause = 50

    let sink = LogSink()
    private let path: String?
    private let descriptor: Mutex<CInt>
    private let logger: Logger

    private init(path: String?, descriptor: CInt, logger: Logger) {
        self.path = path
        self.descriptor = Mutex(descriptor)
        self.logger = logger
    }

    /// Opens the log; nil if it is off.
    static func open(
        _ settings: LogSettings.Access,
        logger: Logger
    ) throws(StartError) -> AccessLogWriter? {
        switch settings {
        case .off: return nil
        case .stdout: return AccessLogWriter(path: nil, descriptor: STDOUT_FILENO, logger: logger)
        case .file(let path):
            let descriptor = openFile(path)
            guard descriptor >= 0 else { throw .cannotLog(path: path, SystemError("open")) }
            return AccessLogWriter(path: path, descriptor: descriptor, logger: logger)
        }
    }

    private static func openFile(_ path: String) -> CInt {
        unsafe Glibc.open(path, O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC, 0o640)
    }

    /// Starts the thread.
    func start() throws(SystemError) {
        try Thread.start("audgate-log") {
            while true {
                self.flush()
                Clock.sleep(milliseconds: Self.pause)
            }
        }
    }

    /// Writes what waits.
    func flush() {
        descriptor.withLock { descriptor in
            let (lines, dropped) = sink.takeAll()
            write(lines, to: descriptor)
            guard dropped > 0 else { return }
            logger.error(
                "Access log lines were dropped: the log is too slow.",
                metadata: ["lines": "\(dropped)"]
            )
        }
    }

    private func write(_ lines: [UInt8], to descriptor: CInt) {
        var written = 0
        while written < lines.count {
            let count = unsafe lines.withUnsafeBytes { bytes in
                unsafe Glibc.write(
                    descriptor,
                    UnsafeRawBufferPointer(rebasing: bytes[written...]).baseAddress,
                    bytes.count - written
                )
            }
            if count < 0, errno == EINTR { continue }
            guard count > 0 else {
                logger.error(
                    "The access log cannot be written.",
                    metadata: ["error": "\(SystemError("write"))"]
                )
                return
            }
            written += count
        }
    }

    /// Opens the file of the log anew, after somebody has moved the old one away.
    func reopen() {
        guard let path else { return }
        descriptor.withLock { descriptor in
            let opened = Self.openFile(path)
            guard opened >= 0 else {
                logger.error(
                    "The access log cannot be reopened.",
                    metadata: ["error": "\(SystemError("open"))"]
                )
                return
            }
            close(descriptor)
            descriptor = opened
        }
    }
}
