// The way to a server: a connection of HTTP/1.1, or one stream of a connection of HTTP/2.

internal import Bytes
internal import HTTP1
internal import HTTP2
internal import Transport

/// One request after another in HTTP/1.1, which is idle in the pool between them; one request alone in HTTP/2. It is
/// owned by the worker's table, and holds no buffer memory while idle.
final class UpstreamStream {
    let id: ConnectionID
    let carrier: Carrier
    /// The endpoint.
    let place: UpstreamPlace
    var parser: ResponseParser
    /// Whether the connection has served an exchange before.
    var isReused = false
    /// The exchange that it works for, nil while idle.
    var exchange: Exchange?
    /// Received, but not consumed.
    var pending = ByteBuffer()
    /// To be sent; HTTP/1.1 alone.
    var output = ByteBuffer()
    /// Number of octets that the peer had acknowledged when connected; nil where the kernel can't tell.
    var acknowledgedAtStart: Int?
    /// Number of octets sent for exchanges before this one.
    var sentBefore = 0
    /// Whether the peer has closed its sending side.
    var hasHungUp = false
    /// Whether the connection broke before the peer had closed its sending side.
    var wasReset = false
    /// Whether the peer has said that it did not look at the request (RFC 9113 §8.7).
    var wasRefused = false
    /// Whether something may wait in the socket that was not received.
    var hasUnreadInput = false
    /// Whether reading waits until the client has taken what it was sent.
    var isPaused = false
    /// Octets that were received and for which the peer's window was not opened again; HTTP/2 alone.
    var uncredited = 0
    var deadline = Deadline()
    var isQueued = false
    /// Whether it sends before this round of the worker ends.
    var isDue = false

    init(id: ConnectionID, carrier: Carrier, place: UpstreamPlace, parser: ResponseParser) {
        self.id = id
        self.carrier = carrier
        self.place = place
        self.parser = parser
    }

    /// The connection, if it is the stream's own.
    var channel: Channel? { carrier.channel }

    /// Number of octets that wait to be sent, for this stream alone.
    var backlog: Int { carrier.backlog(behind: output) }

    /// Whether something of the request waits to be sent.
    var hasUnsent: Bool {
        backlog > 0 || channel?.hasUnsent == true || exchange?.hasSentRequest == false
    }

    /// Whether the peer has surely taken no octet of the request: it said so, nothing was sent, or nothing of what was
    /// sent was acknowledged.
    ///
    /// A server that closes an idle connection while a request is on its way has sent the end of its stream before a
    /// reset answers the request, of which its kernel acknowledges nothing. A reset without that end may come from a
    /// server that has taken the request, before the acknowledgement was due. All earlier requests were answered,
    /// hence acknowledged.
    var hasTakenNothing: Bool {
        guard case .connection(let channel) = carrier else { return wasRefused }
        guard channel.sentOctets > sentBefore else { return true }
        guard isReused, !wasReset, let acknowledgedAtStart,
            let acknowledged = channel.socket.acknowledgedBytes
        else { return false }
        return acknowledged <= acknowledgedAtStart + sentBefore
    }
}
