// One request with its response.

public import Bytes
internal import HTTP

/// One stream, owned by its session until `closed`.
public final class HTTP2Stream {
    /// The stream's identifier (RFC 9113 §5.1.1).
    public let id: Int32
    /// A number of the owner's own.
    public var owner: UInt64 = 0
    /// Body octets to be sent. Those before `sent` were sent, and stand there only while `keepsSent` holds.
    public var output = ByteBuffer()
    /// How many octets at the start of `output` were sent.
    public private(set) var sent = 0
    /// Whether octets stay in `output` when they were sent, for trying a refused request anew.
    public var keepsSent = false
    /// Whether the stream was surely not processed: closed with REFUSED_STREAM, above the last stream of a GOAWAY,
    /// or never sent.
    public internal(set) var isRefused = false

    /// Method of the request that the peer answers (client).
    let method: Method
    /// Whether `output` holds the end of the body.
    var isFinished = false
    /// Whether nghttp2 waits for `resume`.
    var isDeferred = false
    /// Whether a final response head has come (client).
    var hasResponse = false
    /// Whether this side reset the stream of its own will.
    var isReset = false
    /// Whether nghttp2 has forgotten the stream.
    var isClosed = false
    /// Whether the stream stands in the list of those that progressed.
    var isListed = false

    init(id: Int32, method: Method) {
        self.id = id
        self.method = method
    }

    /// Number of octets in `output` that are still to be sent.
    public var unsent: Int { output.count - sent }

    /// Forgets the octets that were sent, and keeps none from now on.
    public func releaseSent() {
        keepsSent = false
        output.consume(sent)
        sent = 0
        releaseEmpty()
    }

    /// Appends the next `count` unsent octets to `frame`; there are so many.
    func send(_ count: Int, to frame: inout ByteBuffer) {
        frame.append(output.span.extracting(sent..<sent + count))
        if keepsSent { sent += count } else { output.consume(count) }
    }

    /// Gives the memory of `output` back if there is nothing in it: a stream that idles holds none.
    func releaseEmpty() {
        if output.isEmpty, output.capacity > 0 { output.release() }
    }
}
