// Where the body of a message ends.

/// How the length of a message's body is known (RFC 9112 §6).
public enum BodyFraming: Equatable, Sendable {
    /// There is no body.
    case none
    /// The body has exactly this many bytes, at least one.
    case length(Int)
    /// The body is a sequence of chunks.
    case chunked
    /// The body ends when the connection does; responses only.
    case untilClose
}
