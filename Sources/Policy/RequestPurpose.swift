// What a request is for, as far as the choice of an endpoint depends on it.

internal import Bytes
internal import MCP

/// What a request is for. It says which endpoint to ask, never whether the request may pass.
public enum RequestPurpose: Sendable, Equatable {
    /// One of the other purposes is none of its.
    case ordinary
    /// Opens a stream of whatever the server will have to say, and waits: GET, or `subscriptions/listen`.
    case listening
    /// Is about a task, which is at one endpoint. The octets of its id.
    case task([UInt8])
    /// May be answered by a task instead of a result.
    case mayCreateTask

    /// The purpose of a message.
    init(of envelope: borrowing Envelope, in body: borrowing Span<UInt8>) {
        self = .ordinary
        guard !envelope.isBatch, let message = envelope.messages.first, let method = message.method else {
            return
        }
        if envelope.equals(method, "tools/call", in: body) {
            // Who takes a task for an answer says so: `params.task` (2025-11-25), or the extension among the capabilities.
            if body.contains("task") { self = .mayCreateTask }
        } else if envelope.equals(method, "subscriptions/listen", in: body) {
            self = .listening
        } else if let id = message.taskID,
            envelope.withOctets(of: method, in: body, { $0.startsIgnoringCase(with: "tasks/") })
        {
            let octets = envelope.withOctets(of: id, in: body) { [UInt8](copying: $0) }
            if octets.count <= TaskTable.maximumIDLength { self = .task(octets) }
        }
    }
}
