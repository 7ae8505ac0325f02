// Where workers leave the lines of the access log: a bounded buffer that one thread empties.

internal import Bytes
internal import Synchronization

/// Lines on their way from the workers to the writer of the access log.
public final class LogSink: Sendable {
    /// Most bytes that wait to be written; what comes beyond is dropped and counted.
    public static let capacity = 8 * 1024 * 1024

    private struct State: ~Copyable {
        var lines = ByteBuffer()
        var dropped = 0
        var droppedEver = 0
    }

    private let state = Mutex(State())

    /// Makes an empty sink.
    public init() {}

    /// Leaves whole lines, `count` of them.
    func leave(_ lines: borrowing ByteBuffer, count: Int) {
        state.withLock { state in
            if state.lines.count + lines.count > Self.capacity {
                state.dropped += count
                state.droppedEver += count
            } else {
                state.lines.append(lines.span)
            }
        }
    }

    /// How many lines were dropped since the process began.
    public var droppedEver: Int { state.withLock { $0.droppedEver } }

    /// Takes all lines, and how many were dropped since the last time.
    public func takeAll() -> (lines: [UInt8], dropped: Int) {
        state.withLock { state in
            let taken = (lines: Array(copying: state.lines.span), dropped: state.dropped)
            state.lines.removeAll()
            state.dropped = 0
            return taken
        }
    }
}
