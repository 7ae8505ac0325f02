// What the audit log says beside requests: what was done to the gateway, and what changed under it.

internal import Bytes
internal import HTTP
internal import JSON
internal import Transport

/// An event of the process that a security team wants to know of.
public struct AuditEvent: Sendable {
    /// What happened, as the member `event` names it.
    public enum Name: String, Sendable, CaseIterable {
        /// The process serves.
        case started
        /// The process ends.
        case ended
        /// Another configuration is in force.
        case reloaded
        /// Another configuration was asked for, and is not in force.
        case reloadRefused = "reload_refused"
        /// An issuer has other keys.
        case keysChanged = "keys_changed"
        /// An issuer has no keys any more: its tokens are refused.
        case keysEnded = "keys_ended"
    }

    private let name: Name
    private let members: [(name: String, value: String)]

    /// Makes an event; `members` are the facts of it, in order. None of them may be a secret.
    public init(_ name: Name, _ members: [(name: String, value: String)] = []) {
        self.name = name
        self.members = members
    }

    /// Leaves the event in a log, as one line with the time.
    public func leave(in sink: LogSink) {
        guard sink.isOn else { return }
        let clock = RoundClock()
        var line = ByteBuffer()
        line.append("{\"time\":\"")
        clock.appendTime(to: &line)
        line.append("\",\"event\":\"")
        line.append(name.rawValue)
        line.append("\"")
        for member in members {
            var writer = JSONWriter()
            writer.string(member.name)
            let memberName = writer.finish()
            writer = JSONWriter()
            writer.string(member.value)
            let value = writer.finish()
            line.append(",")
            line.append(memberName.span)
            line.append(":")
            line.append(value.span)
        }
        line.append("}\n")
        sink.leave(line, count: 1)
    }
}
