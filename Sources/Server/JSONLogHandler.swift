// Operational messages as JSON lines on standard error.

internal import Bytes
internal import Glibc
internal import HTTP
internal import JSON
public import Logging
internal import Transport

/// Writes each message as one JSON object on one line: time, level, message, and the metadata as members.
public struct JSONLogHandler: LogHandler {
    /// The least important messages that are written.
    public var logLevel: Logger.Level
    /// Members of every line.
    public var metadata: Logger.Metadata = [:]

    /// Makes a handler.
    public init(level: Logger.Level) {
        logLevel = level
    }

    /// A member of every line.
    public subscript(metadataKey key: String) -> Logger.Metadata.Value? {
        get { metadata[key] }
        set { metadata[key] = newValue }
    }

    /// Writes a message, in one call so that lines of several threads do not mix.
    public func log(event: LogEvent) {
        let now = Clock.unixMicroseconds
        let millisecond = String(now / 1000 % 1000 + 1000).dropFirst()
        var writer = JSONWriter()
        writer.object { writer in
            writer.member("time", "\(CivilTime(unixSeconds: now / 1_000_000).rfc3339Seconds).\(millisecond)Z")
            writer.member("level", event.level.rawValue)
            writer.member("message", "\(event.message)")
            let members = metadata.merging(event.metadata ?? [:]) { $1 }
            for (name, value) in members.sorted(by: { $0.key < $1.key }) {
                writer.name(name)
                Self.write(value, to: &writer)
            }
        }
        var line = writer.finish()
        line.append("\n")
        unsafe line.span.withUnsafeBufferPointer { bytes in
            _ = unsafe Glibc.write(STDERR_FILENO, bytes.baseAddress, bytes.count)
        }
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
