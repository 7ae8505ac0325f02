// Posts one small document over HTTP: spans to their collector. Blocks; never called on a worker.

internal import Bytes
internal import HTTP
internal import HTTP1
internal import Policy
internal import Transport

/// What was answered to a document.
struct PostAnswer {
    /// The status code.
    let status: Int
    /// Seconds of `Retry-After`; nil if it is absent or a date.
    let retryAfter: Int?
    /// The content, as much of it as is of interest.
    let body: [UInt8]
}

/// Why there is no answer, in a sentence for the log.
enum PostError: Error {
    /// There was no connection, and so nothing was sent.
    case unreachable(String)
    /// The document was sent, or a part of it.
    case unanswered(String)
}

/// One POST request on a connection of its own, without redirects.
enum DocumentPost {
    /// Posts JSON.
    ///
    /// - Parameters:
    ///   - content: A JSON text.
    ///   - url: Where to.
    ///   - fields: Further fields of the request.
    ///   - tls: What https needs.
    ///   - deadline: Milliseconds of the monotonic clock.
    static func send(
        _ content: [UInt8],
        to url: HTTPURL,
        fields: [TraceSettings.Field],
        tls: UpstreamTLS?,
        until deadline: Int
    ) throws(PostError) -> PostAnswer {
        let connection: DocumentConnection
        do throws(FetchError) {
            connection = try DocumentConnection(to: url, tls: tls, until: deadline)
        } catch {
            throw .unreachable(error.problem)
        }
        do throws(FetchError) {
            try connection.send(head(of: content.count, to: url, fields) + String(lossy: content.span))
            return try answer(from: connection, url.authority)
        } catch {
            throw .unanswered(error.problem)
        }
    }

    private static func head(of length: Int, to url: HTTPURL, _ fields: [TraceSettings.Field]) -> String {
        let further = fields.map { "\($0.name): \($0.value)\r\n" }.joined()
        return "POST \(url.target) HTTP/1.1\r\nHost: \(url.authority)\r\nUser-Agent: audgate\r\n"
            + "Content-Type: application/json\r\nContent-Length: \(length)\r\n\(further)Connection: close\r\n\r\n"
    }

    private static func answer(
        from connection: DocumentConnection,
        _ name: String
    ) throws(FetchError) -> PostAnswer {
        var reader = AnswerReader()
        var input = ByteBuffer()
        while true {
            let hasEnded = try connection.receive(into: &input)
            do throws(MessageViolation) {
                if let answer = try reader.read(&input, hasEnded: hasEnded) { return answer }
            } catch {
                throw FetchError(problem: "\(name) did not answer in HTTP: \(error.rawValue).")
            }
        }
    }
}

/// Puts an answer together from the bytes of a response.
private struct AnswerReader: ~Copyable {
    /// Most bytes of a body that are of interest.
    private static let maximumLength = 16 * 1024

    private var parser = ResponseParser(limits: MessageLimits())
    private var head = ResponseHead()
    private var decoder: BodyDecoder?
    private var body: [UInt8] = []

    /// Uses `input` up; the answer once it is complete, or as long as anybody wants to know.
    mutating func read(_ input: inout ByteBuffer, hasEnded: Bool) throws(MessageViolation) -> PostAnswer? {
        if decoder == nil {
            guard let length = try parser.parse(input.span, into: &head, answering: .post) else {
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
        return PostAnswer(status: head.status, retryAfter: retryAfter, body: body)
    }

    private mutating func readBody(_ bytes: borrowing Span<UInt8>) throws(MessageViolation) -> Bool {
        var offset = 0
        while true {
            switch try decoder?.next(bytes, at: &offset) {
            case .data(let range): body += Array(copying: bytes.extracting(range))
            case .end: return true
            case .more, nil: return body.count > Self.maximumLength
            }
        }
    }

    private var retryAfter: Int? {
        let text = String(lossy: head.bytes.span.extracting(head.value(.retryAfter)))
        return text.utf8.allSatisfy { ASCII.isDigit($0) } ? Int(text) : nil
    }
}
