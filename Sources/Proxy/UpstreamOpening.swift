// A connection to a server on its way: TCP, then TLS, until it is known which version of HTTP it carries.

internal import Bytes
internal import HTTP2
internal import Transport

/// A connection attempt and the exchanges that wait for it: one where it will carry HTTP/1.1, many for HTTP/2.
final class UpstreamOpening {
    let id: ConnectionID
    let channel: Channel
    /// The endpoint.
    let place: UpstreamPlace
    /// Whether HTTP/2 is hoped for.
    let wantsHTTP2: Bool
    /// The client streams whose exchanges wait.
    var waiting: [ConnectionID] = []
    /// Whether TCP is established.
    var isConnected = false
    /// Number of octets that the peer had acknowledged when connected; nil where the kernel can't tell.
    var acknowledgedAtStart: Int?
    /// The session, once it is clear that the connection carries HTTP/2: its requests wait for the server's settings.
    var session: HTTP2Session?
    /// Frames to be sent.
    var output = ByteBuffer()
    var deadline = Deadline()

    init(id: ConnectionID, channel: Channel, place: UpstreamPlace, wantsHTTP2: Bool) {
        self.id = id
        self.channel = channel
        self.place = place
        self.wantsHTTP2 = wantsHTTP2
    }
}
