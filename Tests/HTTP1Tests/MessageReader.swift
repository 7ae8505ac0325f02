// Reads all messages of a connection from pieces of any size: what the corpus and the fuzz targets look at.

import Bytes
import HTTP
import HTTP1

/// A message as it was read.
struct ReadMessage: Equatable {
    /// Start line, host, persistence and framing in one line, as the corpus files write it.
    var summary: String
    /// Number, name and value of each field.
    var fields: [String]
    /// The body's octets.
    var body: [UInt8] = []
    /// The message written anew by audgate's own encoder; nil where that never writes such a message.
    var encoding: [UInt8]?

    /// The summary with the body, as the corpus files write it.
    var line: String { "\(summary) \"\(String(lossy: body.span))\"" }
}

/// What a whole connection brought.
struct Reading: Equatable {
    /// The messages, the last one perhaps unfinished.
    var messages: [ReadMessage] = []
    /// What ended the reading early.
    var violation: MessageViolation?
    /// Octets of a head that did not end.
    var unread = 0
}

/// Reads messages from one side of a connection, with the parsers and the decoder of `HTTP1`.
struct MessageReader: ~Copyable {
    /// Who sends the messages.
    enum Side {
        case requests
        case responses(to: HTTP.Method)
    }

    private let side: Side
    private let limits: MessageLimits
    private var requests: RequestParser
    private var responses: ResponseParser
    private var pending = ByteBuffer()
    private var decoder: BodyDecoder?
    private var framing = BodyFraming.none
    private var reading = Reading()

    init(_ side: Side, limits: MessageLimits = MessageLimits()) {
        self.side = side
        self.limits = limits
        requests = RequestParser(limits: limits)
        responses = ResponseParser(limits: limits)
    }

    /// Reads `input` in pieces of the lengths that `nextLength` gives, each at least 1.
    static func read(
        _ input: Span<UInt8>,
        _ side: Side,
        limits: MessageLimits = MessageLimits(),
        nextLength: () -> Int
    ) -> Reading {
        var reader = MessageReader(side, limits: limits)
        var offset = 0
        while offset < input.count, reader.reading.violation == nil {
            let end = offset + min(max(nextLength(), 1), input.count - offset)
            reader.take(input.extracting(offset..<end))
            offset = end
        }
        return reader.finish()
    }

    /// Takes the next octets of the connection.
    mutating func take(_ piece: Span<UInt8>) {
        pending.append(piece)
        do throws(MessageViolation) {
            while true {
                if decoder != nil {
                    guard try readBody() else { return }
                } else {
                    guard try readHead() else { return }
                }
            }
        } catch {
            reading.violation = error
        }
    }

    /// Ends the connection.
    consuming func finish() -> Reading {
        if reading.violation == nil, let decoder, !decoder.endsWithConnection {
            reading.violation = .truncatedBody
        }
        reading.unread = reading.violation == nil ? pending.count : 0
        return reading
    }

    /// Reads body octets, and tells whether the body has ended.
    private mutating func readBody() throws(MessageViolation) -> Bool {
        guard var decoder else { return true }
        let last = reading.messages.count - 1
        var offset = 0
        var hasEnded = false
        defer {
            pending.consume(offset)
            self.decoder = hasEnded ? nil : decoder
        }
        while true {
            let before = offset
            let piece = try decoder.next(pending.span, at: &offset)
            precondition(offset >= before && offset <= pending.count, "an offset beyond the input")
            switch piece {
            case .data(let range):
                precondition(!range.isEmpty && range.start >= before && range.end <= offset)
                reading.messages[last].body += Array(copying: pending.span.extracting(range))
            case .more: return false
            case .end:
                hasEnded = true
                finishEncoding()
                return true
            }
        }
    }

    /// Appends the body to the message's encoding.
    private mutating func finishEncoding() {
        let last = reading.messages.count - 1
        guard let head = reading.messages[last].encoding else { return }
        let body = reading.messages[last].body
        var buffer = ByteBuffer()
        buffer.append(head.span)
        buffer.appendBody(body.span, framing: framing)
        buffer.appendBodyEnd(framing: framing)
        reading.messages[last].encoding = Array(copying: buffer.span)
    }

    /// Reads a head, and tells whether it was complete.
    private mutating func readHead() throws(MessageViolation) -> Bool {
        guard !pending.isEmpty else { return false }
        let length: Int?
        switch side {
        case .requests:
            var head = RequestHead()
            var parser = requests
            length = try parser.parse(pending.span, into: &head)
            requests = parser
            if length != nil { note(head) }
        case .responses(let method):
            var head = ResponseHead()
            var parser = responses
            length = try parser.parse(pending.span, into: &head, answering: method)
            responses = parser
            if length != nil { note(head) }
        }
        guard let length else { return false }
        precondition(length > 0 && length <= pending.count, "a head beyond the input")
        pending.consume(length)
        decoder = BodyDecoder(framing: framing, limits: limits)
        return true
    }

    private mutating func note(_ head: borrowing RequestHead) {
        let query = head.target.query.isEmpty ? "" : "?" + head.text(head.target.query)
        let target = head.text(head.target.path) + query
        reading.messages.append(
            ReadMessage(
                summary: "\(head.text(head.methodRange)) \(target) @\(head.text(head.authority)) "
                    + Self.words(head.version, head.isPersistent, head.framing)
                    + (head.expectsContinue ? " expects" : ""),
                fields: Self.fields(head.fields, of: head.bytes),
                encoding: Self.encoding(of: head)
            )
        )
        framing = head.framing
    }

    private mutating func note(_ head: borrowing ResponseHead) {
        reading.messages.append(
            ReadMessage(
                summary: "\(head.status) " + Self.words(head.version, head.isPersistent, head.framing),
                fields: Self.fields(head.fields, of: head.bytes),
                encoding: nil
            )
        )
        framing = head.framing
    }

    private static func words(_ version: HTTPVersion, _ persists: Bool, _ framing: BodyFraming) -> String {
        "\(version == .http11 ? "1.1" : "1.0") \(persists ? "keep" : "close") \(framing)"
    }

    private static func fields(_ table: FieldTable, of bytes: borrowing ByteBuffer) -> [String] {
        var fields: [String] = []
        for line in table.lines {
            let name = String(lossy: bytes.span.extracting(line.nameRange))
            fields.append("\(line.name) \(name): \(String(lossy: bytes.span.extracting(line.valueRange)))")
        }
        return fields
    }

    /// The head as audgate would send it on: origin form, HTTP/1.1.
    private static func encoding(of head: borrowing RequestHead) -> [UInt8]? {
        guard head.version == .http11, !head.target.path.isEmpty else { return nil }
        let text = head.bytes.span
        var buffer = ByteBuffer()
        let path = String(lossy: text.extracting(head.target.path))
        let query = String(lossy: text.extracting(head.target.query))
        buffer.appendRequestLine(method: text.extracting(head.methodRange)) {
            $0.append(query.isEmpty ? path : "\(path)?\(query)")
        }
        for line in head.fields.lines {
            buffer.appendField(text.extracting(line.nameRange), text.extracting(line.valueRange))
        }
        buffer.appendHeadEnd()
        return Array(copying: buffer.span)
    }
}
