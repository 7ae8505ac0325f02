// Which version of HTTP a message came in.

/// A version of HTTP that audgate speaks.
public enum HTTPVersion: UInt8, Sendable, Equatable {
    /// HTTP/1.0 (RFC 1945).
    case http10
    /// HTTP/1.1 (RFC 9112).
    case http11
    /// HTTP/2 (RFC 9113).
    case http2

    /// The name as it stands in start lines, logs and `Via`.
    public var name: StaticString {
        switch self {
        case .http10: "HTTP/1.0"
        case .http11: "HTTP/1.1"
        case .http2: "HTTP/2"
        }
    }
}
