// What a peer's octets mean.

public import Bytes
public import HTTP

/// One thing that happened on a connection, in the order of the wire.
public enum HTTP2Event {
    /// A whole request head (server); `takeRequest(into:)` gives it. If `endsStream` there is no body.
    case request(HTTP2Stream, endsStream: Bool)
    /// A request head that HTTP/2 allows and audgate's stricter rules do not, to be answered with the violation's
    /// status. `takeRequest(into:)` gives what was read of it; the method may be `other`.
    case refusedRequest(HTTP2Stream, MessageViolation)
    /// A response head, informational ones included (client); `takeResponse(into:)` gives it.
    case response(HTTP2Stream, endsStream: Bool)
    /// A response head that breaks the rules: the stream was reset.
    case refusedResponse(HTTP2Stream, MessageViolation)
    /// Octets of a body, at this range of the input. They count against the windows until they are consumed.
    case data(HTTP2Stream, ByteRange)
    /// The peer has ended the stream in good order; trailers were checked and dropped.
    case end(HTTP2Stream)
    /// The stream is gone, with the code of the reset, or NO_ERROR when both sides had ended. Comes exactly once for
    /// every stream that was given out.
    case closed(HTTP2Stream, code: UInt32)
    /// A malformed request (RFC 9113 §8.1.1): its stream was reset before it was given out.
    case malformed(MessageViolation)
    /// The peer announces that it takes no new streams.
    case goAway
}
