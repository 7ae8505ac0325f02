// Where the lines of a log wait: a bounded buffer that one thread empties.

internal import Bytes
internal import Synchronization

/// Lines on their way from any thread to the writer of a log.
public final class LogSink: Sendable {
    /// Most bytes that wait to be written; what comes beyond is dropped and counted.
    public static let capacity = 8 * 1024 * 1024

    private struct State: ~Copyable {
        var lines = ByteBuffer()
        var count = 0
        var dropped = 0
    }

    private let state = Mutex(State())
    private let takesLines = Atomic<Bool>(true)
    private let allDropped = Atomic<Int>(0)

    /// Makes an empty sink that takes lines.
    public init() {}

    /// Whether the log is on; while it is off nobody needs to make lines for it.
    public var isOn: Bool { takesLines.load(ordering: .relaxed) }

    /// Switches the log on or off.
    public func turn(on isOn: Bool) {
        takesLines.store(isOn, ordering: .relaxed)
    }

    /// Number of lines that were lost since the process began, for want of room here or in the file system.
    public var dropped: Int { allDropped.load(ordering: .relaxed) }

    /// Leaves whole lines, `count` of them.
    func leave(_ lines: borrowing ByteBuffer, count: Int) {
        state.withLock { state in
            if state.lines.count + lines.count > Self.capacity {
                state.dropped += count
                allDropped.add(count, ordering: .relaxed)
            } else {
                state.lines.append(lines.span)
                state.count += count
            }
        }
    }

    /// What waited to be written.
    public struct Taken: Sendable {
        /// Whole lines.
        public let lines: [UInt8]
        /// How many lines these are.
        public let count: Int
        /// How many were dropped since the last time.
        public let dropped: Int
    }

    /// Takes all lines.
    public func takeAll() -> Taken {
        state.withLock { state in
            defer {
                state.lines.removeAll()
                state.count = 0
                state.dropped = 0
            }
            return Taken(
                lines: Array(copying: state.lines.span),
                count: state.count,
                dropped: state.dropped
            )
        }
    }

    /// Counts lines that were taken and could not be written.
    public func lose(_ count: Int) {
        allDropped.add(count, ordering: .relaxed)
    }
}

/// Lines that one thread gathers before it leaves them in a sink.
struct LogLines: ~Copyable {
    private var text = ByteBuffer()
    private var count = 0

    /// Adds the line that `write` appends, with its end.
    mutating func add(_ write: (inout ByteBuffer) -> Void) {
        write(&text)
        count += 1
    }

    /// Whether there are so many that they should be left.
    var isLarge: Bool { text.count >= 64 * 1024 }

    /// Leaves all of them.
    mutating func leave(in sink: LogSink) {
        guard count > 0 else { return }
        sink.leave(text, count: count)
        text.removeAll()
        count = 0
    }
}
