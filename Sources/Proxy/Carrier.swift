// What carries the octets of a stream, on either side.

internal import Bytes
internal import HTTP2

/// A connection of HTTP/1.1 or a stream of HTTP/2.
enum Carrier {
    /// A connection of HTTP/1.1, for itself alone.
    case connection(Channel)
    /// A stream, among others on the same connection.
    case stream(HTTP2Stream, HTTP2Connection)

    /// The connection, if it is the stream's own.
    var channel: Channel? {
        if case .connection(let channel) = self { channel } else { nil }
    }

    /// Number of octets that wait to be sent, for one stream alone, whose `output` stands in front of a connection.
    func backlog(behind output: borrowing ByteBuffer) -> Int {
        switch self {
        case .connection: output.count
        case .stream(let stream, _): stream.unsent
        }
    }
}
