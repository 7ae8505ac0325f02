// A connection to a server: idle in the pool, or at work for one exchange.

internal import Bytes
internal import HTTP1
internal import Transport

/// One connection to an endpoint. It is owned by the worker's table, and holds no buffer memory while idle.
final class UpstreamConnection {
    let id: ConnectionID
    let socket: Socket
    /// The pool's number of the endpoint.
    let endpoint: Int
    var parser: ResponseParser
    /// Whether the connection is established.
    var isConnected = false
    /// Whether the connection has served an exchange before.
    var isReused = false
    /// The exchange that it works for, nil while idle.
    var exchange: Exchange?
    /// Received, but not consumed.
    var pending = ByteBuffer()
    /// The request. What was sent stays at its start until the answer begins, so that the request can be sent anew.
    var output = ByteBuffer()
    /// Number of bytes at the start of `output` that were sent.
    var sent = 0
    /// Length of the request's head in `output`; 0 once the start of `output` was let go.
    var headLength = 0
    /// Number of bytes that the peer had acknowledged when connected; nil where the kernel can't tell.
    var acknowledgedAtStart: Int?
    /// Number of bytes sent for exchanges before this one.
    var sentBefore = 0
    /// Number of bytes sent for this exchange.
    var sentNow = 0
    /// Whether the peer has closed its sending side.
    var hasHungUp = false
    /// Whether the connection broke before the peer had closed its sending side.
    var wasReset = false
    /// Whether something may wait in the socket that was not received.
    var hasUnreadInput = false
    /// Whether reading waits until the client has taken what it was sent.
    var isPaused = false
    var deadline = Deadline()
    var isQueued = false

    init(id: ConnectionID, socket: consuming Socket, endpoint: Int, parser: ResponseParser) {
        self.id = id
        self.socket = socket
        self.endpoint = endpoint
        self.parser = parser
    }

    /// Number of bytes that wait to be sent.
    var unsent: Int { output.count - sent }

    /// Whether the peer has surely taken no byte of the request: nothing was sent, or nothing was acknowledged.
    ///
    /// A server that closes an idle connection while a request is on its way has sent the end of its stream before a
    /// reset answers the request, of which its kernel acknowledges nothing. A reset without that end may come from a
    /// server that has taken the request, before the acknowledgement was due. All earlier requests were answered,
    /// hence acknowledged.
    var hasTakenNothing: Bool {
        guard sentNow > 0 else { return true }
        guard isReused, !wasReset, let acknowledgedAtStart, let acknowledged = socket.acknowledgedBytes else {
            return false
        }
        return acknowledged <= acknowledgedAtStart + sentBefore
    }

    /// Appends the body that waits behind the head in the output of a connection that failed.
    func takeBody(from failed: UpstreamConnection) {
        var request = ByteBuffer()
        swap(&request, &failed.output)
        request.consume(failed.headLength)
        output.append(request.span)
    }

    /// Lets go of what was sent: the request cannot be sent anew any more.
    func releaseSent() {
        guard headLength > 0 || sent > 0 else { return }
        output.consume(sent)
        sent = 0
        headLength = 0
        if output.isEmpty { output.release() }
    }
}
