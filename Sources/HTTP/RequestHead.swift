// The head of a request: its bytes, and where in them everything stands.

public import Bytes

/// A request line with its fields, checked against RFC 9112 and the rules of `RequestTarget`.
///
/// One value is reused for request after request, so that reading a head allocates nothing.
public struct RequestHead: ~Copyable {
    /// The octets of the head; all ranges point into them.
    public var bytes = ByteBuffer()
    /// The fields.
    public var fields = FieldTable()
    /// The method.
    public var method = Method.other
    /// Where the method stands.
    public var methodRange = ByteRange.empty
    /// What is asked for.
    public var target = RequestTarget()
    /// Host and port that the request is for, from the target if it is in absolute form, else from `Host`.
    public var authority = ByteRange.empty
    /// The version.
    public var version = HTTPVersion.http11
    /// Where the body ends.
    public var framing = BodyFraming.none
    /// Whether the connection may be used for another request.
    public var isPersistent = true
    /// Whether the client waits for `100 (Continue)` before it sends the body.
    public var expectsContinue = false

    /// Makes an empty head.
    public init() {}

    /// The value of the first field called `name`; empty if there is none.
    public func value(_ name: FieldName) -> ByteRange {
        fields.first(name) ?? .empty
    }

    /// The text of `range`, for logs and messages.
    public func text(_ range: ByteRange) -> String {
        String(lossy: bytes.span.extracting(range))
    }

    /// Forgets the message and keeps the memory.
    public mutating func removeAll() {
        bytes.removeAll()
        fields.removeAll()
        target = RequestTarget()
        authority = .empty
        method = .other
        methodRange = .empty
        version = .http11
        framing = .none
        isPersistent = true
        expectsContinue = false
    }
}
