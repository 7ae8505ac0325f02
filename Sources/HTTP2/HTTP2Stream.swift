// One request with its response.

public import Bytes
internal import HTTP

/// One stream, owned by its session until `closed`.
public final class HTTP2Stream {
    /// The stream's identifier (RFC 9113 §5.1.1).
    public let id: Int32
    /// A number of the owner's own.
    public var owner: UInt64 = 0
    /// Body octets to be sent.
    public var output = ByteBuffer()
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

    /// Number of octets in `output`.
    public var unsent: Int { output.count }

    /// Moves the next `count` octets to `frame`; there are so many.
    func send(_ count: Int, to frame: inout ByteBuffer) {
        frame.append(output.span.extracting(..<count))
        output.consume(count)
    }

    /// Gives the memory of `output` back if there is nothing in it: a stream that idles holds none.
    func releaseEmpty() {
        if output.isEmpty, output.capacity > 0 { output.release() }
    }
}
