// The JSON-RPC messages of one body, read without building a tree.

public import Bytes

/// What is looked at in a body of MCP: its messages, with methods, ids, names and versions.
///
/// One value is reused for request after request, so that reading allocates nothing after a while. The texts of messages
/// are places in the body, which the caller keeps unchanged and hands in again wherever octets are wanted.
///
/// The rules of the JSON text are those of `JSONReader`. Duplicate members are refused in the message, in `params` and in
/// `_meta`, where the gateway looks; what stands deeper is read by the server alone.
public struct Envelope: ~Copyable {
    /// Deepest nesting of arrays and objects, a batch and its messages included.
    public static let maximumDepth = 64
    /// Most messages in a batch.
    public static let maximumMessages = 256
    /// Most members in each of a message, its `params` and its `_meta`.
    public static let maximumMembers = 128
    /// Most octets, in JSON, of a string that is looked at: names of members, method, name, URI, task id, version.
    public static let maximumTextLength = 8 * 1024
    /// Most octets, in JSON, of a string that a trace context is looked for in; longer ones are passed over.
    public static let maximumTraceLength = 8 * 1024
    /// Most octets, in JSON, of an id.
    public static let maximumIDLength = 1024
    /// Most octets of decoded strings for which memory is kept from request to request.
    private static let keptOctets = 64 * 1024

    /// Whether the body is an array of messages.
    public internal(set) var isBatch = false
    /// The messages in their order; one if the body is no batch, none if it was refused.
    public internal(set) var messages: [Message] = []
    /// Where the id stands that an error answers to: that of a single request, readable although the body may have been
    /// refused. nil for batches, notifications, responses, and where no id could be read.
    public internal(set) var id: ByteRange?

    /// The octets of strings with escapes, one behind the other.
    var decoded: [UInt8] = []
    /// The names of members that are not reserved, of the objects that are being read.
    var names: [MemberName] = []
    /// The first breach that leaves the text JSON. Reading goes on, as a later one may be worse.
    var violation: EnvelopeViolation?
    /// Whether a message has two ids, of which none is the one to answer to.
    var isIDRepeated = false

    /// Makes an empty envelope.
    public init() {}

    /// Reads the whole of `body`, in time linear in its length.
    ///
    /// - Parameter body: A JSON text: one message, or an array of them.
    /// - Throws: Why the body is refused. What is no JSON is reported before what is no message.
    public mutating func read(_ body: borrowing Span<UInt8>) throws(EnvelopeViolation) {
        removeAll()
        do {
            try readMessages(body)
        } catch {
            messages.removeAll(keepingCapacity: true)
            throw error
        }
    }

    /// Forgets the messages and keeps the memory, unless that is large.
    public mutating func removeAll() {
        isBatch = false
        id = nil
        violation = nil
        isIDRepeated = false
        messages.removeAll(keepingCapacity: true)
        names.removeAll(keepingCapacity: true)
        decoded.removeAll(keepingCapacity: decoded.capacity <= Self.keptOctets)
    }

    /// Whether `text` of this envelope, read from `body`, is exactly the octets of `other`.
    public func equals(_ text: Text, _ other: borrowing Span<UInt8>, in body: borrowing Span<UInt8>) -> Bool {
        text.isDecoded
            ? decoded.span.extracting(text.range).equals(other) : body.extracting(text.range).equals(other)
    }

    /// Whether `text` of this envelope, read from `body`, is exactly the octets of `literal`.
    public func equals(_ text: Text, _ literal: StaticString, in body: borrowing Span<UInt8>) -> Bool {
        text.isDecoded
            ? decoded.span.extracting(text.range).equals(literal)
            : body.extracting(text.range).equals(literal)
    }

    /// Whether two texts of this envelope, read from `body`, are the same octets.
    public func equals(_ text: Text, _ other: Text, in body: borrowing Span<UInt8>) -> Bool {
        other.isDecoded
            ? equals(text, decoded.span.extracting(other.range), in: body)
            : equals(text, body.extracting(other.range), in: body)
    }

    /// Calls `use` with the octets of `text` of this envelope, read from `body`.
    public func withOctets<Result>(
        of text: Text,
        in body: borrowing Span<UInt8>,
        _ use: (borrowing Span<UInt8>) -> Result
    ) -> Result {
        text.isDecoded ? use(decoded.span.extracting(text.range)) : use(body.extracting(text.range))
    }

    /// A copy of `text` of this envelope, read from `body`, for logs and messages.
    public func string(_ text: Text, in body: borrowing Span<UInt8>) -> String {
        withOctets(of: text, in: body) { String(lossy: $0) }
    }
}
