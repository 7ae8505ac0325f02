// What a server answered to a request that the gateway made for itself.

internal import Bytes
public import HTTP
internal import HTTP1

/// A whole response, read as strictly as those of upstreams.
public struct BackgroundResponse: Sendable {
    /// The final status code.
    public let status: Int
    /// The fields, in their order.
    public let fields: [(name: FieldName, value: String)]
    /// The content; empty if it was not waited for.
    public let body: [UInt8]

    /// Makes a response from its parts.
    public init(status: Int, fields: [(name: FieldName, value: String)] = [], body: [UInt8] = []) {
        self.status = status
        self.fields = fields
        self.body = body
    }

    init(_ head: borrowing ResponseHead, body: [UInt8]) {
        let bytes = head.bytes.span
        status = head.status
        fields = head.fields.lines.map { ($0.name, String(lossy: bytes.extracting($0.valueRange))) }
        self.body = body
    }

    /// The values of all fields called `name`; what is not UTF-8 in them is U+FFFD.
    public func values(_ name: FieldName) -> [String] {
        fields.filter { $0.name == name }.map(\.value)
    }

    /// Whether the content says that it is JSON in UTF-8.
    public var isJSON: Bool {
        values(.contentType).first.map { MediaType.isJSON($0.octets.span) } ?? false
    }

    /// How long the content may be kept, in seconds: `max-age` of `Cache-Control`; nil if it says nothing.
    var maximumAge: Int? {
        for value in values(.cacheControl) {
            for directive in value.lowercased().split(separator: ",") {
                let parts = directive.split(separator: "=", maxSplits: 1).map {
                    $0.filter { $0 != " " && $0 != "\"" }
                }
                if parts.count == 2, parts[0] == "max-age", let seconds = Int(parts[1]) {
                    return max(seconds, 0)
                }
                if parts.count == 1, parts[0] == "no-store" || parts[0] == "no-cache" { return 0 }
            }
        }
        return nil
    }
}

/// Puts a response together from the octets of an HTTP/1.1 connection.
struct BackgroundResponseReader: ~Copyable {
    /// Most informational heads before the final one.
    static let maximumInformational = 8

    private let request: BackgroundRequest
    private var parser = ResponseParser(limits: MessageLimits())
    private var head = ResponseHead()
    private var informational = 0
    private var decoder: BodyDecoder?
    private var body: [UInt8] = []

    init(answering request: BackgroundRequest) {
        self.request = request
    }

    /// Uses `input` up; the response once it is complete.
    mutating func read(
        _ input: inout ByteBuffer,
        hasEnded: Bool
    ) throws(BackgroundFailure) -> BackgroundResponse? {
        do throws(MessageViolation) {
            guard try hasHead(&input) else {
                guard !hasEnded else { throw .truncatedBody }
                return nil
            }
            guard request.maximumLength > 0 else { return BackgroundResponse(head, body: []) }
            let isComplete = try readBody(input.span)
            input.removeAll()
            if body.count <= request.maximumLength {
                guard isComplete || hasEnded else { return nil }
                guard isComplete || decoder?.endsWithConnection == true else { throw .truncatedBody }
            }
        } catch {
            throw .notHTTP(request, error.rawValue)
        }
        guard body.count <= request.maximumLength else { throw .tooLarge(request) }
        return BackgroundResponse(head, body: body)
    }

    /// Reads the final head unless it was read before; false while its end has not come.
    private mutating func hasHead(_ input: inout ByteBuffer) throws(MessageViolation) -> Bool {
        guard decoder == nil else { return true }
        while let length = try parser.parse(input.span, into: &head, answering: request.method) {
            input.consume(length)
            guard head.isInformational else {
                decoder = BodyDecoder(framing: head.framing, limits: MessageLimits())
                return true
            }
            informational += 1
            guard informational <= Self.maximumInformational else { throw .headTooLong }
            head.removeAll()
            parser = ResponseParser(limits: MessageLimits())
        }
        return false
    }

    /// Reads octets of the body; true once it is complete. What is beyond the limit is not kept.
    private mutating func readBody(_ bytes: borrowing Span<UInt8>) throws(MessageViolation) -> Bool {
        var offset = 0
        while true {
            switch try decoder?.next(bytes, at: &offset) {
            case .data(let range):
                if body.count <= request.maximumLength { body += Array(copying: bytes.extracting(range)) }
            case .end: return true
            case .more, nil: return false
            }
        }
    }
}

extension BackgroundFailure {
    static func notHTTP(_ request: BackgroundRequest, _ rule: String) -> BackgroundFailure {
        BackgroundFailure(.malformed, "\(request.url.text) did not answer in HTTP: \(rule)")
    }

    static func tooLarge(_ request: BackgroundRequest) -> BackgroundFailure {
        BackgroundFailure(.tooLarge, "\(request.url.text) is too large")
    }
}
