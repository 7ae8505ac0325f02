// A connection that carries many streams: with a client, or with a server.

internal import Bytes
internal import HTTP2
internal import Transport

/// One connection of HTTP/2. It is owned by the worker's table; its streams have places of their own there.
final class HTTP2Connection {
    /// Who is at the other end.
    enum Peer {
        case client(ClientOrigin)
        /// A server.
        case server(UpstreamPlace)
    }

    let id: ConnectionID
    let channel: Channel
    let session: HTTP2Session
    let peer: Peer
    /// Frames to be sent.
    var output = ByteBuffer()
    var deadline = Deadline()
    /// Its streams, by their places in the worker's table.
    var streams: Set<ConnectionID> = []
    /// Whether the peer has closed its sending side.
    var hasHungUp = false
    /// Whether something may wait in the socket that was not received.
    var hasUnreadInput = false
    /// Whether the connection closes when everything is sent.
    var closesAfterOutput = false
    /// Whether the peer was told, or has told, that no stream begins any more.
    var isEnding = false
    /// Whether the peer was told of the end just now, and a last request may be on its way.
    var awaitsLastRequest = false
    /// Whether a head has begun that has not ended.
    var awaitsHead = false
    /// Whether a request on it has failed, and none has succeeded since.
    var hasFailed = false
    /// Whether the worker will come back to the connection in the next round.
    var isQueued = false
    /// Whether the worker will send what waits before the round ends.
    var isDue = false

    init(id: ConnectionID, channel: Channel, session: HTTP2Session, peer: Peer) {
        self.id = id
        self.channel = channel
        self.session = session
        self.peer = peer
    }

    /// Whether everything was sent.
    var isFlushed: Bool { output.isEmpty && !channel.hasUnsent && !session.wantsToWrite }
}
