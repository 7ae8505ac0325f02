// The two sides of a connection.

/// Which side of the connection audgate is.
public enum HTTP2Role: Sendable {
    /// Requests come in.
    case server
    /// Requests go out.
    case client
}
