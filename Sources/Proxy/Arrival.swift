// A connection that was just accepted: what a proxy in front says of it, then TLS, until it is known what it carries.

internal import Bytes
internal import Policy
internal import Transport

/// An accepted connection whose version of HTTP is not known yet.
final class Arrival {
    let id: ConnectionID
    let channel: Channel
    let listener: Listener
    /// The address of the client: the peer's, or the one that a proxy in front told.
    var peer: SocketAddress
    /// Whether the header of the PROXY protocol is still to come.
    var awaitsProxyHeader: Bool
    /// Received, but not consumed.
    var pending = ByteBuffer()
    var deadline = Deadline()
    /// Whether the peer has closed its sending side.
    var hasHungUp = false

    init(id: ConnectionID, channel: Channel, listener: Listener, peer: SocketAddress, awaitsProxyHeader: Bool)
    {
        self.id = id
        self.channel = channel
        self.listener = listener
        self.peer = peer
        self.awaitsProxyHeader = awaitsProxyHeader
    }
}
