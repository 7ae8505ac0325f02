// What is looked at in one JSON-RPC message, as places in its body.

public import Bytes

/// One JSON-RPC message of a client.
public struct Message: Sendable {
    /// The three kinds of messages (JSON-RPC 2.0 §4, §4.1, §5).
    public enum Kind: Sendable, Equatable {
        /// A method and an id.
        case request
        /// A method without id.
        case notification
        /// A result or an error.
        case response
    }

    /// The kind.
    public internal(set) var kind = Kind.notification
    /// Where the id stands in the body, as JSON: a string with its quotes, or an integer.
    public internal(set) var id: ByteRange?
    /// The method, nil for a response.
    public internal(set) var method: Text?
    /// `params.name`, if it is a string.
    public internal(set) var name: Text?
    /// `params.uri`, if it is a string.
    public internal(set) var uri: Text?
    /// `params.taskId`, if it is a string.
    public internal(set) var taskID: Text?
    /// The protocol version in `params._meta`, if it is a string.
    public internal(set) var protocolVersion: Text?
    /// `traceparent` in `params._meta` (SEP-414), if it is a string that a trace context can be; not yet looked into.
    public internal(set) var traceParent: Text?
    /// `tracestate` in `params._meta`, as above.
    public internal(set) var traceState: Text?
    /// Whether `params._meta` is an object.
    public internal(set) var hasMeta = false
    /// Whether `params._meta` says what the client can do, with an object.
    public internal(set) var hasClientCapabilities = false

    /// The reserved members that are there, whatever their values.
    var members = MemberSet()

    /// The string that is the value of `member`.
    subscript(_ member: Member) -> Text? {
        switch member {
        case .method: method
        case .name: name
        case .uri: uri
        case .taskID: taskID
        case .protocolVersion: protocolVersion
        default: nil
        }
    }

    /// Whether `member` is there with a value that is no string.
    func isStrange(_ member: Member) -> Bool {
        members.contains(member) && self[member] == nil
    }
}
