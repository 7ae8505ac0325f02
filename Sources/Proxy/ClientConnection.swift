// A client's connection: its socket, its parser, and what is on its way in and out.

internal import Bytes
internal import HTTP1
internal import Policy
internal import Transport

/// One accepted connection. It is owned by the worker's table, and holds no buffer memory while idle.
final class ClientConnection {
    /// What the connection is doing.
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
    let socket: Socket
    let peer: SocketAddress
    /// The address of the peer without its port, as it is logged and forwarded.
    let peerHost: String
    let healthPath: String
    var parser: RequestParser
    var state = State.reading
    /// Received, but not consumed.
    var pending = ByteBuffer()
    /// To be sent.
    var output = ByteBuffer()
    var deadline = Deadline()
    /// Whether the connection closes when `output` is empty.
    var closesAfterOutput = false
    /// Whether the peer has closed its sending side.
    var hasHungUp = false
    /// Whether something may wait in the socket that was not received.
    var hasUnreadInput = false
    /// Whether a part of a head has arrived.
    var hasPartialHead = false
    /// Whether the worker will come back to the connection in this round.
    var isQueued = false

    init(
        id: ConnectionID,
        socket: consuming Socket,
        peer: SocketAddress,
        healthPath: String,
        parser: RequestParser
    ) {
        self.id = id
        self.socket = socket
        self.peer = peer
        peerHost = peer.host
        self.healthPath = healthPath
        self.parser = parser
    }

    /// The exchange under way, nil if there is none.
    var exchange: Exchange? {
        if case .exchanging(let exchange) = state { exchange } else { nil }
    }
}
