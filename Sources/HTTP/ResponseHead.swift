// The head of a response: its bytes, and where in them everything stands.

public import Bytes

/// A status line with its fields, checked against RFC 9112.
public struct ResponseHead: ~Copyable {
    /// The octets of the head; all ranges point into them.
    public var bytes = ByteBuffer()
    /// The fields.
    public var fields = FieldTable()
    /// The status code, 100 to 599.
    public var status = 0
    /// The version.
    public var version = HTTPVersion.http11
    /// Where the body ends.
    public var framing = BodyFraming.none
    /// Whether the connection may be used for another request.
    public var isPersistent = true

    /// Makes an empty head.
    public init() {}

    /// The value of the first field called `name`; empty if there is none.
    public func value(_ name: FieldName) -> ByteRange {
        fields.first(name) ?? .empty
    }

    /// Whether this is a provisional answer (1xx), after which another head follows.
    public var isInformational: Bool { status < 200 }

    /// Whether the body is a stream of server-sent events, which no hop may hold back.
    public var isEventStream: Bool {
        bytes.span.extracting(value(.contentType)).startsIgnoringCase(with: "text/event-stream")
    }

    /// Whether the body is JSON in UTF-8.
    public var isJSON: Bool { MediaType.isJSON(bytes.span.extracting(value(.contentType))) }

    /// Whether the body is compressed, or coded in another way (RFC 9110 §8.4).
    public var isEncoded: Bool {
        let coding = value(.contentEncoding)
        return !coding.isEmpty && !bytes.span.extracting(coding).equalsIgnoringCase("identity")
    }

    /// A copy of the octets of `range`.
    public func octets(of range: ByteRange) -> [UInt8] {
        Array(copying: bytes.span.extracting(range))
    }

    /// Forgets the message and keeps the memory.
    public mutating func removeAll() {
        bytes.removeAll()
        fields.removeAll()
        status = 0
        version = .http11
        framing = .none
        isPersistent = true
    }
}
