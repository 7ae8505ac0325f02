// Writes responses to clients, in the version of HTTP that each one speaks.

internal import Bytes
internal import HTTP
internal import HTTP1
internal import HTTP2
internal import Policy

extension ClientStream {
    /// Writes the head of a server's response; returns its length in octets, before any compression.
    func write(
        _ response: borrowing ResponseHead,
        facts: ClientResponse.Facts,
        persistence: ClientResponse.Persistence,
        using block: inout FieldBlock
    ) -> Int {
        switch carrier {
        case .connection:
            let before = output.count
            ClientResponse.append(response, facts: facts, persistence: persistence, to: &output)
            return output.count - before
        case .stream(let stream, let connection):
            block.removeAll()
            ClientResponse.append(response, facts: facts, to: &block)
            connection.session.respond(on: stream, fields: block, endsStream: facts.framing == .none)
            return block.bytes.count
        }
    }

    /// Writes a provisional response (1xx).
    func writeInformational(_ response: borrowing ResponseHead, using block: inout FieldBlock) {
        switch carrier {
        case .connection: ClientResponse.appendInformational(response, to: &output)
        case .stream(let stream, let connection):
            block.removeAll()
            ClientResponse.appendInformational(response, to: &block)
            connection.session.respondProvisionally(on: stream, fields: block)
        }
    }

    /// Writes 100 (Continue).
    func writeContinue(using block: inout FieldBlock) {
        switch carrier {
        case .connection: output.append("HTTP/1.1 100 Continue\r\n\r\n")
        case .stream(let stream, let connection):
            block.removeAll()
            block.appendField(":status", "100")
            connection.session.respondProvisionally(on: stream, fields: block)
        }
    }

    /// Writes a whole response of the gateway's own, without its body if it answers HEAD; returns its length in octets.
    func write(
        _ response: LocalResponse,
        answering method: Method,
        date: String,
        persistence: ClientResponse.Persistence,
        using block: inout FieldBlock
    ) -> Int {
        let hasBody = method != .head && !response.body.isEmpty
        switch carrier {
        case .connection:
            let before = output.count
            ClientResponse.append(response, date: date, persistence: persistence, to: &output)
            if hasBody { output.append(response.body.span) }
            return output.count - before
        case .stream(let stream, let connection):
            block.removeAll()
            ClientResponse.append(response, date: date, to: &block)
            if hasBody { stream.output.append(response.body.span) }
            connection.session.respond(on: stream, fields: block, endsStream: !hasBody)
            if hasBody { connection.session.finish(stream) }
            return block.bytes.count + (hasBody ? response.body.count : 0)
        }
    }

    /// Writes octets of a body.
    func writeBody(_ octets: borrowing Span<UInt8>, framing: BodyFraming) {
        switch carrier {
        case .connection: output.appendBody(octets, framing: framing)
        case .stream(let stream, _): stream.output.append(octets)
        }
    }

    /// Writes the end of a body.
    func endBody(framing: BodyFraming) {
        switch carrier {
        case .connection: output.appendBodyEnd(framing: framing)
        case .stream(let stream, let connection): if framing != .none { connection.session.finish(stream) }
        }
    }
}
