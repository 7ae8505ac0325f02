// Writes the request as the server gets it.

internal import Bytes
internal import HTTP
internal import HTTP1
internal import Policy

/// The head of a forwarded request.
enum UpstreamRequest {
    /// What the head needs to know besides the client's.
    struct Facts {
        let route: Route
        let endpoint: Endpoint
        /// How the body goes on.
        let framing: BodyFraming
        let clientHost: String
        let trace: ForwardedTrace
        /// The part of the request's path behind the route's own.
        let subpath: ByteRange
        /// What takes the place of the upstream's path and the query, nil for these.
        let target: [UInt8]?
        /// The server's own session id.
        let sessionID: [UInt8]?
        /// What the fate of some fields depends on.
        let rules: ForwardedFields.RequestRules
    }

    /// Appends the head of `request` for HTTP/1.1.
    static func append(_ request: borrowing RequestHead, facts: Facts, to buffer: inout ByteBuffer) {
        let bytes = request.bytes.span
        buffer.reserve(bytes.count + 512)
        buffer.appendRequestLine(method: bytes.extracting(request.methodRange)) {
            appendTarget(of: request, facts, to: &$0)
        }
        buffer.appendField("Host", facts.endpoint.authority)
        appendFields(of: request, facts, to: &buffer)
        buffer.appendFraming(facts.framing)
        // A POST without content needs to say so (RFC 9110 §8.6).
        if facts.framing == .none, request.method == .post { buffer.append("Content-Length: 0\r\n") }
        buffer.appendHeadEnd()
    }

    /// Appends the head of `request` for HTTP/2 (RFC 9113 §8.3.1).
    static func append(_ request: borrowing RequestHead, facts: Facts, to block: inout FieldBlock) {
        let bytes = request.bytes.span
        block.appendField(":method", bytes.extracting(request.methodRange))
        block.appendField(":scheme", facts.endpoint.isSecure ? "https" : "http")
        block.appendField(":authority", facts.endpoint.authority)
        block.appendField(":path") { appendTarget(of: request, facts, to: &$0) }
        appendFields(of: request, facts, to: &block)
        if case .length(let length) = facts.framing {
            block.appendField("content-length") { $0.append(decimal: length) }
        }
    }

    /// Appends the endpoint's path, what of the request's path goes on, and the query.
    private static func appendTarget(
        of request: borrowing RequestHead,
        _ facts: Facts,
        to buffer: inout ByteBuffer
    ) {
        if let target = facts.target { return buffer.append(target.span) }
        let bytes = request.bytes.span
        // The root is a slash, and a subpath begins with one.
        if facts.subpath.isEmpty || facts.endpoint.path.utf8.count > 1 { buffer.append(facts.endpoint.path) }
        buffer.append(bytes.extracting(facts.subpath))
        guard !request.target.query.isEmpty else { return }
        buffer.append(UInt8(ascii: "?"))
        buffer.append(bytes.extracting(request.target.query))
    }

    private static func appendFields<Writer: FieldWriter & ~Copyable>(
        of request: borrowing RequestHead,
        _ facts: Facts,
        to writer: inout Writer
    ) {
        let bytes = request.bytes.span
        for line in request.fields.lines
        where ForwardedFields.goesToServer(line.name, rules: facts.rules) {
            writer.appendField(bytes.extracting(line.nameRange), bytes.extracting(line.valueRange))
        }
        if let id = facts.sessionID { writer.appendField("Mcp-Session-Id", id.span) }
        switch request.version {
        case .http10: writer.appendField("Via", "1.0 audgate")
        case .http11: writer.appendField("Via", "1.1 audgate")
        case .http2: writer.appendField("Via", "2.0 audgate")
        }
        writer.appendField("X-Forwarded-For", facts.clientHost)
        writer.appendField("X-Forwarded-Host", facts.route.resource.authority)
        writer.appendField("X-Forwarded-Proto", facts.route.resource.scheme)
        appendTrace(of: request, facts, to: &writer)
    }

    private static func appendTrace<Writer: FieldWriter & ~Copyable>(
        of request: borrowing RequestHead,
        _ facts: Facts,
        to writer: inout Writer
    ) {
        switch facts.trace {
        case .unchanged:
            appendFields(.traceparent, of: request, to: &writer)
            appendFields(.tracestate, of: request, to: &writer)
        case .own(let context, let state):
            writer.appendField("traceparent") { context.append(to: &$0) }
            switch state {
            case .none: break
            case .fields: appendFields(.tracestate, of: request, to: &writer)
            case .message(let text): writer.appendField("tracestate", text.span)
            }
        }
    }

    /// Appends the client's own fields called `name`.
    private static func appendFields<Writer: FieldWriter & ~Copyable>(
        _ name: FieldName,
        of request: borrowing RequestHead,
        to writer: inout Writer
    ) {
        let bytes = request.bytes.span
        for line in request.fields.lines where line.name == name {
            writer.appendField(bytes.extracting(line.nameRange), bytes.extracting(line.valueRange))
        }
    }
}
