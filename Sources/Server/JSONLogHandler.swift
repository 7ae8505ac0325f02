// Operational messages as JSON lines on standard error.

internal import Bytes
internal import Glibc
internal import HTTP
internal import JSON
public import Logging
internal import Synchronization
internal import Transport

/// Writes each message as one JSON object on one line: time, level, message, and the metadata as members.
public struct JSONLogHandler: LogHandler {
    private let level: LogLevel
    /// Members of every line.
    public var metadata: Logger.Metadata = [:]

    private static let output = Mutex(StandardError())

    /// Makes a handler that follows `level`.
    public init(level: LogLevel) {
        self.level = level
    }

    /// The least important messages that are written.
    public var logLevel: Logger.Level {
        get { level.current }
        set { level.current = newValue }
    }

    /// A member of every line.
    public subscript(metadataKey key: String) -> Logger.Metadata.Value? {
        get { metadata[key] }
        set { metadata[key] = newValue }
    }

    /// Writes a message. One that standard error has no room for is lost and counted: a worker does not wait for whoever
    /// reads it.
    public func log(event: LogEvent) {
        Self.output.withLock { output in
            guard output.file.hasRoom(within: 0) else { return output.lost += 1 }
            var line = Array(copying: text(of: event, lost: output.lost).span)[...]
            line.append(UInt8(ascii: "\n"))
            let cut = try? output.file.write(&line)
            output.lost = cut == 0 && line.isEmpty ? 0 : output.lost + 1
        }
    }

    private func text(of event: LogEvent, lost: Int) -> ByteBuffer {
        let now = Clock.unixMicroseconds
        let millisecond = String(now / 1000 % 1000 + 1000).dropFirst()
        var writer = JSONWriter()
        writer.object { writer in
            writer.member("time", "\(CivilTime(unixSeconds: now / 1_000_000).rfc3339Seconds).\(millisecond)Z")
            writer.member("level", event.level.rawValue)
            writer.member("message", "\(event.message)")
            if lost > 0 { writer.member("messages_lost_before", lost) }
            let members = metadata.merging(event.metadata ?? [:]) { $1 }
            for (name, value) in members.sorted(by: { $0.key < $1.key }) {
                writer.name(name)
                Self.write(value, to: &writer)
            }
        }
        return writer.finish()
    }

    private static func write(_ value: Logger.Metadata.Value, to writer: inout JSONWriter) {
        switch value {
        case .string(let string): writer.string(string)
        case .stringConvertible(let value): writer.string(value.description)
        case .array(let values): writer.array { writer in for value in values { write(value, to: &writer) } }
        case .dictionary(let values):
            writer.object { writer in
                for (name, value) in values.sorted(by: { $0.key < $1.key }) {
                    writer.name(name)
                    write(value, to: &writer)
                }
            }
        }
    }
}

private struct StandardError: ~Copyable {
    var file = LogFile(standard: STDERR_FILENO)
    /// Number of messages that were lost since the last one that was written.
    var lost = 0
}
