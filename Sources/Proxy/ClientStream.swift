// Where the requests of a client come from: a connection of HTTP/1.1, or one stream of a connection of HTTP/2.

internal import Bytes
internal import HTTP1
internal import HTTP2
internal import Policy
internal import Transport

/// Who a client is, as far as its connection tells: the same for all its streams.
final class ClientOrigin {
    /// The address of the client, which a proxy in front may have told.
    let peer: SocketAddress
    /// What the client's site is counted by, nil for a Unix path.
    let address: HashedKey?
    /// The address without its port, as it is logged and forwarded.
    let host: String
    /// The listener that took the connection.
    let listener: Listener
    /// SHA-256 of the client's verified certificate, nil if it has shown none.
    let certificateDigest: [UInt8]?

    init(peer: SocketAddress, listener: Listener, certificateDigest: [UInt8]?) {
        self.peer = peer
        address = peer.site.map { HashedKey($0) }
        host = peer.host
        self.listener = listener
        self.certificateDigest = certificateDigest
    }
}

/// One request after another in HTTP/1.1, one request alone in HTTP/2. It is owned by the worker's table, and holds no
/// buffer memory while idle.
final class ClientStream {
    /// What the stream is doing.
    enum State {
        /// Waiting for a head, or reading one.
        case reading
        /// An exchange is under way.
        case exchanging(Exchange)
        /// The answer is written, the rest of the request's body is read and thrown away.
        case discarding(BodyDecoder, left: Int)
        /// Everything is written; the peer gets a moment to read it before the socket closes (RFC 9112 §9.6).
        case lingering(left: Int)
        /// Gone: nothing is read or written any more.
        case closed
    }

    let id: ConnectionID
    let carrier: Carrier
    let origin: ClientOrigin
    var parser: RequestParser
    var state = State.reading
    /// Received, but not consumed.
    var pending = ByteBuffer()
    /// To be sent; HTTP/1.1 alone.
    var output = ByteBuffer()
    var deadline = Deadline()
    /// Whether it counts among the worker's requests: from when one was taken in until its answer has left.
    var isCounted = false
    /// What is set aside of the worker's memory for bodies for an answer that is on its way out.
    var reserved: (bytes: Int, route: RouteID, generation: Generation)?
    /// Whether the connection closes when `output` is empty.
    var closesAfterOutput = false
    /// Whether the peer has closed its sending side.
    var hasHungUp = false
    /// Whether something may wait in the socket that was not received.
    var hasUnreadInput = false
    /// Whether a part of a head has arrived.
    var hasPartialHead = false
    /// Whether the end of the request's body is among what was received; HTTP/2 alone.
    var hasReceivedEnd = false
    /// Octets that were received and for which the peer's window was not opened again; HTTP/2 alone.
    var uncredited = 0
    /// Whether the worker will come back to the stream in this round.
    var isQueued = false
    /// Whether it sends before this round of the worker ends.
    var isDue = false

    init(id: ConnectionID, carrier: Carrier, origin: ClientOrigin, parser: RequestParser) {
        self.id = id
        self.carrier = carrier
        self.origin = origin
        self.parser = parser
    }

    /// The exchange under way, nil if there is none.
    var exchange: Exchange? {
        if case .exchanging(let exchange) = state { exchange } else { nil }
    }

    /// The connection, if it is the stream's own.
    var channel: Channel? { carrier.channel }

    /// Number of octets that wait to be sent, for this stream alone.
    var backlog: Int { carrier.backlog(behind: output) }

    /// Whether everything was sent.
    var isFlushed: Bool {
        switch carrier {
        case .connection(let channel): output.isEmpty && !channel.hasUnsent
        case .stream(let stream, _): stream.unsent == 0
        }
    }
}
