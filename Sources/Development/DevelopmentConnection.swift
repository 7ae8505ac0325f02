// One connection of a development server: requests in, responses out, one after the other.

internal import Bytes
internal import Glibc
internal import HTTP
internal import HTTP1
internal import Transport

/// A connection whose thread blocks on it.
final class DevelopmentConnection: Sendable {
    /// Most bytes of a body.
    static let maximumBodyLength = 8 * 1024 * 1024

    /// Milliseconds without progress after which the connection is closed.
    static let idleLimit = 30_000

    /// Bounds on heads.
    static let limits = MessageLimits(headerBytes: 64 * 1024)

    private let socket: Socket

    init(_ socket: consuming Socket) {
        self.socket = socket
    }

    /// The socket's descriptor, which is not used again before this object is gone.
    var descriptor: CInt { socket.descriptor }

    /// Ends the connection from another thread.
    func shutDown() {
        shutdown(descriptor, CInt(SHUT_RDWR))
    }

    /// Serves requests until the connection ends.
    func run(_ respond: DevelopmentServer.Respond) {
        var input = ByteBuffer()
        var parser = RequestParser(limits: Self.limits)
        do throws(Ending) {
            while let (request, isPersistent) = try nextRequest(&parser, &input) {
                let response = request.namesLoopback ? respond(request) : .empty(421)
                try send(response, toHTTP10: request.isHTTP10, isLast: !isPersistent)
                guard isPersistent else { return }
            }
        } catch {
            // Bytes that nobody understood may still be on their way: the answer is a last courtesy.
            guard case .violation(let status) = error else { return }
            _ = try? send(.empty(status), toHTTP10: false, isLast: true)
        }
    }

    /// Why a connection cannot go on.
    private enum Ending: Error {
        /// The peer is gone, silent or does not read.
        case lost
        /// The peer broke a rule; it gets this status.
        case violation(status: Int)
    }

    /// Reads the next request, nil where the peer has no more.
    private func nextRequest(
        _ parser: inout RequestParser,
        _ input: inout ByteBuffer
    ) throws(Ending) -> (ExchangeRequest, isPersistent: Bool)? {
        var head = RequestHead()
        while true {
            if let length = try Self.check({ () throws(MessageViolation) in
                try parser.parse(input.span, into: &head)
            }) {
                input.consume(length)
                break
            }
            guard receive(into: &input) else {
                guard input.isEmpty else { throw .lost }
                return nil
            }
        }
        if case .length(let length) = head.framing, length > Self.maximumBodyLength {
            throw .violation(status: 413)
        }
        if head.expectsContinue {
            var interim = ByteBuffer()
            interim.appendStatusLine(100)
            interim.appendHeadEnd()
            try send(&interim)
        }
        let body = try readBody(head.framing, &input)
        return (ExchangeRequest(head, body: body), head.isPersistent)
    }

    private func readBody(_ framing: BodyFraming, _ input: inout ByteBuffer) throws(Ending) -> [UInt8] {
        var decoder = BodyDecoder(framing: framing, limits: Self.limits)
        var body: [UInt8] = []
        while true {
            var offset = 0
            let piece = try Self.check { () throws(MessageViolation) in
                try decoder.next(input.span, at: &offset)
            }
            if case .data(let range) = piece {
                guard body.count + range.count <= Self.maximumBodyLength else {
                    throw .violation(status: 413)
                }
                body.append(contentsOf: [UInt8](copying: input.span.extracting(range)))
            }
            input.consume(offset)
            if piece == .end { return body }
            if piece == .more, !receive(into: &input) { throw .lost }
        }
    }

    private static func check<Result>(
        _ body: () throws(MessageViolation) -> Result
    ) throws(Ending) -> Result {
        do throws(MessageViolation) {
            return try body()
        } catch {
            throw .violation(status: error.status)
        }
    }

    /// Waits for bytes; false at the end and after the idle limit.
    private func receive(into input: inout ByteBuffer) -> Bool {
        while Readiness.wait(for: .readable, on: descriptor, milliseconds: Self.idleLimit) {
            switch socket.receive(into: &input, room: 16 * 1024) {
            case .bytes: return true
            case .wouldBlock: continue
            case .end, .failed: return false
            }
        }
        return false
    }

    private func send(_ response: ExchangeResponse, toHTTP10 isOld: Bool, isLast: Bool) throws(Ending) {
        var output = ByteBuffer()
        output.appendStatusLine(response.status)
        for field in response.fields {
            output.appendField(field.name.octets.span, field.value.octets.span)
        }
        switch response.content {
        case .bytes(let bytes):
            if isLast { output.appendField("connection", "close") }
            output.appendField("content-length", "\(bytes.count)")
            output.appendHeadEnd()
            output.append(bytes.span)
            try send(&output)
        case .events(let events):
            let framing = isOld ? BodyFraming.untilClose : .chunked
            if isLast { output.appendField("connection", "close") }
            output.appendFraming(framing)
            output.appendHeadEnd()
            try send(&output)
            for event in events { try send(event, framing) }
            output.appendBodyEnd(framing: framing)
            try send(&output)
        }
    }

    /// Sends `event` after its delay, unless the peer hangs up before: that cancels the stream.
    private func send(_ event: ExchangeResponse.Event, _ framing: BodyFraming) throws(Ending) {
        guard !Readiness.wait(for: .hungUp, on: descriptor, milliseconds: event.delay) else { throw .lost }
        var text = ByteBuffer()
        text.append("event: message\r\ndata: ")
        text.append(event.data.span)
        text.append("\r\n\r\n")
        var output = ByteBuffer()
        output.appendBody(text.span, framing: framing)
        try send(&output)
    }

    private func send(_ output: inout ByteBuffer) throws(Ending) {
        while !output.isEmpty {
            switch socket.send(output.span) {
            case .bytes(let count): output.consume(count)
            case .wouldBlock:
                guard Readiness.wait(for: .writable, on: descriptor, milliseconds: Self.idleLimit) else {
                    throw .lost
                }
            case .failed: throw .lost
            }
        }
    }
}

extension ExchangeRequest {
    /// Copies the request out of a parsed head.
    init(_ head: borrowing RequestHead, body: [UInt8]) {
        method = head.text(head.methodRange)
        path = head.text(head.target.path)
        query = head.text(head.target.query)
        isHTTP10 = head.version == .http10
        var fields: [Field] = []
        for line in head.fields.lines {
            let name = head.text(line.nameRange).lowercased()
            fields.append(Field(name: name, value: head.text(line.valueRange)))
        }
        self.fields = fields
        self.body = body
    }
}
