// The one exchange of a background request over HTTP/2.

internal import Bytes
internal import HTTP
internal import HTTP2
internal import Transport

extension BackgroundRequest {
    /// Frames that are made before they are sent.
    private static let outputMark = 64 * 1024

    /// Asks, and waits for the response.
    func exchangeHTTP2(
        over connection: inout BackgroundConnection
    ) throws(BackgroundFailure) -> BackgroundResponse {
        let session = HTTP2Session(role: .client, limits: HTTP2Limits())
        guard let stream = session.request(head, endsStream: body.isEmpty) else {
            throw .notHTTP(self, "no stream can be opened")
        }
        stream.output.append(body.span)
        session.finish(stream)
        var answer = Answer()
        var input = ByteBuffer()
        var output = ByteBuffer()
        while true {
            var hasEnded = false
            if session.wantsToWrite {
                session.write(into: &output, upTo: Self.outputMark)
                try connection.send(&output)
            } else {
                hasEnded = try connection.receive(into: &input)
            }
            if let response = try take(input.span, session, &answer) { return response }
            input.removeAll()
            guard !hasEnded else { throw .notHTTP(self, MessageViolation.truncatedBody.rawValue) }
        }
    }

    private var head: FieldBlock {
        var block = FieldBlock()
        block.appendField(":method", methodName.span)
        block.appendField(":scheme", url.isSecure ? "https" : "http")
        block.appendField(":authority", url.authority)
        block.appendField(":path", url.target)
        appendFields(to: &block)
        return block
    }

    /// What has come of the response.
    private struct Answer: ~Copyable {
        var head = ResponseHead()
        var body: [UInt8] = []
    }

    /// Reads frames; the response once it is complete.
    private func take(
        _ input: borrowing Span<UInt8>,
        _ session: HTTP2Session,
        _ answer: inout Answer
    ) throws(BackgroundFailure) -> BackgroundResponse? {
        var offset = 0
        while let event = try next(input, &offset, session) {
            switch event {
            case .response(_, let endsStream):
                session.takeResponse(into: &answer.head)
                let isOver = endsStream || maximumLength == 0 && !answer.head.isInformational
                if isOver { return BackgroundResponse(answer.head, body: []) }
            case .data(let stream, let range):
                answer.body += Array(copying: input.extracting(range))
                guard answer.body.count <= maximumLength else { throw .tooLarge(self) }
                session.consume(range.count, of: stream)
            case .end: return BackgroundResponse(answer.head, body: answer.body)
            case .refusedResponse(_, let violation): throw .notHTTP(self, violation.rawValue)
            case .closed: throw .notHTTP(self, "the stream was reset")
            case .goAway, .request, .refusedRequest, .malformed: break
            }
        }
        return nil
    }

    private func next(
        _ input: borrowing Span<UInt8>,
        _ offset: inout Int,
        _ session: HTTP2Session
    ) throws(BackgroundFailure) -> HTTP2Event? {
        do throws(HTTP2Failure) {
            return try session.next(input, at: &offset, now: Clock.monotonicMilliseconds)
        } catch {
            switch error {
            case .limit(let limit): throw .notHTTP(self, limit.rawValue)
            case .protocolError(let what): throw .notHTTP(self, what)
            }
        }
    }
}
