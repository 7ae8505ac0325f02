// Writes responses as the client gets them: those of servers, and the gateway's own.

internal import Bytes
internal import HTTP
internal import HTTP1
internal import Policy

/// The head of a response to a client.
enum ClientResponse {
    /// What a head needs to know besides the response itself.
    struct Facts {
        /// The value of `Date`.
        let date: String
        /// Whether another request may follow on the connection.
        let isPersistent: Bool
        /// Version of the request.
        let version: HTTPVersion
    }

    /// Appends the head of a response that came from a server.
    ///
    /// - Parameters:
    ///   - response: The response.
    ///   - framing: How its body goes on.
    ///   - crossOrigin: The CORS fields of the answer.
    ///   - isEventStream: Whether no intermediary may hold it back.
    ///   - facts: Date, connection and version.
    ///   - buffer: Gets the head.
    static func append(
        _ response: borrowing ResponseHead,
        framing: BodyFraming,
        crossOrigin: [LocalResponse.Field],
        isEventStream: Bool,
        facts: Facts,
        to buffer: inout ByteBuffer
    ) {
        let bytes = response.bytes.span
        buffer.reserve(bytes.count + 256)
        buffer.appendStatusLine(response.status)
        var hasDate = false
        for line in response.fields.lines where ForwardedFields.goesToClient(line.name) {
            if line.name == .date { hasDate = true }
            buffer.appendField(bytes.extracting(line.nameRange), bytes.extracting(line.valueRange))
        }
        if !hasDate { buffer.appendField("Date", facts.date) }
        for field in crossOrigin { buffer.appendField(field.name, field.value) }
        if isEventStream { buffer.append("X-Accel-Buffering: no\r\n") }
        appendFraming(of: response, framing, to: &buffer)
        appendConnection(facts, to: &buffer)
        buffer.appendHeadEnd()
    }

    /// Appends the framing; the length of a body that is only announced (HEAD, 304) goes on as it came.
    private static func appendFraming(
        of response: borrowing ResponseHead,
        _ framing: BodyFraming,
        to buffer: inout ByteBuffer
    ) {
        guard framing == .none, response.status >= 200, response.status != 204 else {
            return buffer.appendFraming(framing)
        }
        let bytes = response.bytes.span
        if let length = response.fields.first(.contentLength) {
            buffer.appendField("Content-Length", bytes.extracting(length))
        }
    }

    /// Appends a provisional response (1xx) with its fields.
    static func appendInformational(_ response: borrowing ResponseHead, to buffer: inout ByteBuffer) {
        let bytes = response.bytes.span
        buffer.appendStatusLine(response.status)
        for line in response.fields.lines where ForwardedFields.goesToClient(line.name) {
            buffer.appendField(bytes.extracting(line.nameRange), bytes.extracting(line.valueRange))
        }
        buffer.appendHeadEnd()
    }

    /// Appends a whole response of the gateway's own; the body is left out for HEAD.
    static func append(
        _ response: LocalResponse,
        method: Method,
        facts: Facts,
        to buffer: inout ByteBuffer
    ) {
        buffer.appendStatusLine(response.status)
        buffer.appendField("Date", facts.date)
        for field in response.fields { buffer.appendField(field.name, field.value) }
        if response.status != 204 {
            buffer.append("Content-Length: ")
            buffer.append(decimal: response.body.count)
            buffer.append("\r\n")
        }
        appendConnection(facts, to: &buffer)
        buffer.appendHeadEnd()
        if method != .head { buffer.append(response.body.span) }
    }

    private static func appendConnection(_ facts: Facts, to buffer: inout ByteBuffer) {
        if !facts.isPersistent {
            buffer.append("Connection: close\r\n")
        } else if facts.version == .http10 {
            buffer.append("Connection: keep-alive\r\n")
        }
    }
}
