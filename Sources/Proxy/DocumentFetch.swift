// Fetches one small document over HTTP: key sets and metadata of issuers. Blocks; never called on a worker.

internal import Bytes
internal import HTTP
internal import HTTP1
internal import Policy
internal import Transport

/// A document with how long it may be kept.
struct FetchedDocument {
    /// The content.
    let body: [UInt8]
    /// `max-age` of `Cache-Control` in seconds; nil if it says nothing.
    let maximumAge: Int?
}

/// Why a document could not be had, in a sentence for the log.
public struct FetchError: Error {
    /// One or more sentences. They may hold texts of the source.
    public let problem: String
    /// Whether the source did answer, and said that the issuer has no key: the keys that were used before are over.
    let endsKeys: Bool

    init(problem: String, endsKeys: Bool = false) {
        self.problem = problem
        self.endsKeys = endsKeys
    }
}

/// One GET request, without redirects: a redirect could lead anywhere (RFC 9728 §7.7).
enum DocumentFetch {
    /// Milliseconds for all of it.
    private static let patience = 10_000
    /// Most bytes of a document.
    private static let maximumLength = 256 * 1024

    /// Fetches the document at `address`.
    ///
    /// - Parameters:
    ///   - address: An http or https URL.
    ///   - tls: What https needs.
    static func get(_ address: String, tls: UpstreamTLS?) throws(FetchError) -> FetchedDocument {
        guard let url = try? HTTPURL(address, allowsQuery: true) else {
            throw FetchError(problem: "\(address) is not a URL.")
        }
        let deadline = Clock.monotonicMilliseconds + patience
        let connection = try DocumentConnection(to: url, tls: tls, until: deadline)
        try connection.send(request(for: url))
        var reader = DocumentReader(maximumLength: maximumLength)
        var input = ByteBuffer()
        while true {
            let hasEnded = try connection.receive(into: &input)
            if let document = try reader.read(&input, hasEnded: hasEnded, address) { return document }
        }
    }

    private static func request(for url: HTTPURL) -> String {
        "GET \(url.target) HTTP/1.1\r\nHost: \(url.authority)\r\nAccept: application/json\r\n"
            + "User-Agent: audgate\r\nConnection: close\r\n\r\n"
    }
}

/// Puts a document together from the bytes of a response.
private struct DocumentReader: ~Copyable {
    private let maximumLength: Int
    private var parser = ResponseParser(limits: MessageLimits())
    private var head = ResponseHead()
    private var decoder: BodyDecoder?
    private var body: [UInt8] = []

    init(maximumLength: Int) {
        self.maximumLength = maximumLength
    }

    /// Uses `input` up; the document once it is complete.
    mutating func read(
        _ input: inout ByteBuffer,
        hasEnded: Bool,
        _ address: String
    ) throws(FetchError) -> FetchedDocument? {
        do throws(MessageViolation) {
            if decoder == nil {
                guard let length = try parser.parse(input.span, into: &head, answering: .get) else {
                    guard !hasEnded else { throw .truncatedBody }
                    return nil
                }
                input.consume(length)
                decoder = BodyDecoder(framing: head.framing, limits: MessageLimits())
            }
            let isComplete = try readBody(input.span)
            input.removeAll()
            guard isComplete || hasEnded else { return nil }
            guard isComplete || decoder?.endsWithConnection == true else { throw .truncatedBody }
        } catch {
            throw FetchError(problem: "\(address) did not answer in HTTP: \(error.rawValue).")
        }
        guard head.status == 200 else {
            throw FetchError(problem: "\(address) answered with status \(head.status).")
        }
        guard body.count <= maximumLength else { throw FetchError(problem: "\(address) is too large.") }
        return FetchedDocument(body: body, maximumAge: maximumAge)
    }

    /// Reads body bytes; true once the body is complete. What is beyond the limit is not kept.
    private mutating func readBody(_ bytes: borrowing Span<UInt8>) throws(MessageViolation) -> Bool {
        var offset = 0
        while true {
            switch try decoder?.next(bytes, at: &offset) {
            case .data(let range):
                if body.count <= maximumLength { body += Array(copying: bytes.extracting(range)) }
            case .end: return true
            case .more, nil: return body.count > maximumLength
            }
        }
    }

    private var maximumAge: Int? {
        let bytes = head.bytes.span
        for line in head.fields.lines where line.name == .cacheControl {
            for directive in String(lossy: bytes.extracting(line.valueRange)).lowercased().split(
                separator: ","
            ) {
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
