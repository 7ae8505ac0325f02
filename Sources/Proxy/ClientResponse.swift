// Writes responses as the client gets them: those of servers, and the gateway's own.

internal import Bytes
internal import HTTP
internal import HTTP1
internal import Policy

/// The head of a response to a client.
enum ClientResponse {
    /// What the head of a server's response needs to know besides the response itself.
    struct Facts {
        /// The value of `Date`.
        let date: String
        /// The CORS fields of the answer.
        let crossOrigin: [LocalResponse.Field]
        /// How the body goes on.
        let framing: BodyFraming
        /// Whether no intermediary may hold the body back.
        let isEventStream: Bool
        /// What the client gets for the server's session id.
        let sessionID: [UInt8]?
    }

    /// Whether another request may follow on a connection of HTTP/1, and what a peer of its version must be told.
    struct Persistence {
        let isPersistent: Bool
        /// Version of the request.
        let version: HTTPVersion
    }

    /// Appends the head of a server's response for HTTP/1.1.
    static func append(
        _ response: borrowing ResponseHead,
        facts: Facts,
        persistence: Persistence,
        to buffer: inout ByteBuffer
    ) {
        buffer.reserve(response.bytes.count + 256)
        buffer.appendStatusLine(response.status)
        appendFields(of: response, facts, to: &buffer)
        switch facts.framing {
        case .none: appendAnnouncedLength(of: response, to: &buffer)
        case .length, .chunked, .untilClose: buffer.appendFraming(facts.framing)
        }
        appendConnection(persistence, to: &buffer)
        buffer.appendHeadEnd()
    }

    /// Appends the head of a server's response for HTTP/2.
    static func append(_ response: borrowing ResponseHead, facts: Facts, to block: inout FieldBlock) {
        block.appendField(":status") { $0.append(decimal: response.status) }
        appendFields(of: response, facts, to: &block)
        switch facts.framing {
        case .none: appendAnnouncedLength(of: response, to: &block)
        case .length(let length): block.appendField("content-length") { $0.append(decimal: length) }
        case .chunked, .untilClose: break
        }
    }

    private static func appendFields<Writer: FieldWriter & ~Copyable>(
        of response: borrowing ResponseHead,
        _ facts: Facts,
        to writer: inout Writer
    ) {
        let bytes = response.bytes.span
        var hasDate = false
        for line in response.fields.lines where ForwardedFields.goesToClient(line.name) {
            if line.name == .date { hasDate = true }
            writer.appendField(bytes.extracting(line.nameRange), bytes.extracting(line.valueRange))
        }
        if !hasDate { writer.appendField("Date", facts.date) }
        for field in facts.crossOrigin { writer.appendField(field.name, field.value) }
        if let id = facts.sessionID { writer.appendField("Mcp-Session-Id", id.span) }
        if facts.isEventStream { writer.appendField("X-Accel-Buffering", "no") }
    }

    /// Appends the length of a body that is only announced (HEAD, 304), as it came.
    private static func appendAnnouncedLength<Writer: FieldWriter & ~Copyable>(
        of response: borrowing ResponseHead,
        to writer: inout Writer
    ) {
        guard response.status >= 200, response.status != 204 else { return }
        let bytes = response.bytes.span
        if let length = response.fields.first(.contentLength) {
            writer.appendField("Content-Length", bytes.extracting(length))
        }
    }

    /// Appends a provisional response (1xx) with its fields, for HTTP/1.1.
    static func appendInformational(_ response: borrowing ResponseHead, to buffer: inout ByteBuffer) {
        buffer.appendStatusLine(response.status)
        appendInformationalFields(of: response, to: &buffer)
        buffer.appendHeadEnd()
    }

    /// Appends a provisional response (1xx) with its fields, for HTTP/2.
    static func appendInformational(_ response: borrowing ResponseHead, to block: inout FieldBlock) {
        block.appendField(":status") { $0.append(decimal: response.status) }
        appendInformationalFields(of: response, to: &block)
    }

    private static func appendInformationalFields<Writer: FieldWriter & ~Copyable>(
        of response: borrowing ResponseHead,
        to writer: inout Writer
    ) {
        let bytes = response.bytes.span
        for line in response.fields.lines where ForwardedFields.goesToClient(line.name) {
            writer.appendField(bytes.extracting(line.nameRange), bytes.extracting(line.valueRange))
        }
    }

    /// Appends the head of the gateway's own response, for HTTP/1.1.
    static func append(
        _ response: LocalResponse,
        date: String,
        persistence: Persistence,
        to buffer: inout ByteBuffer
    ) {
        buffer.appendStatusLine(response.status)
        appendFields(of: response, date, to: &buffer)
        appendConnection(persistence, to: &buffer)
        buffer.appendHeadEnd()
    }

    /// Appends the head of the gateway's own response, for HTTP/2.
    static func append(_ response: LocalResponse, date: String, to block: inout FieldBlock) {
        block.appendField(":status") { $0.append(decimal: response.status) }
        appendFields(of: response, date, to: &block)
    }

    private static func appendFields<Writer: FieldWriter & ~Copyable>(
        of response: LocalResponse,
        _ date: String,
        to writer: inout Writer
    ) {
        writer.appendField("Date", date)
        for field in response.fields { writer.appendField(field.name, field.value) }
        if response.status != 204 {
            writer.appendField("Content-Length") { $0.append(decimal: response.body.count) }
        }
    }

    private static func appendConnection(_ persistence: Persistence, to buffer: inout ByteBuffer) {
        if !persistence.isPersistent {
            buffer.append("Connection: close\r\n")
        } else if persistence.version == .http10 {
            buffer.append("Connection: keep-alive\r\n")
        }
    }
}
