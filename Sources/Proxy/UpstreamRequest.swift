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
        let framing: BodyFraming
        let clientHost: String
        let requestID: RequestID
        /// Whether the client's own trace context goes on.
        let continuesTrace: Bool
        /// Random parent id, for a trace that begins here.
        let parent: UInt64
    }

    /// Appends the head of `request`, whose path goes on with `subpath`.
    static func append(
        _ request: borrowing RequestHead,
        subpath: ByteRange,
        facts: Facts,
        to buffer: inout ByteBuffer
    ) {
        let bytes = request.bytes.span
        buffer.reserve(bytes.count + 512)
        buffer.appendRequestLine(
            method: bytes.extracting(request.methodRange),
            path: facts.endpoint.path,
            subpath: bytes.extracting(subpath),
            query: bytes.extracting(request.target.query)
        )
        buffer.appendField("Host", facts.endpoint.authority)
        for line in request.fields.lines
        where ForwardedFields.goesToServer(line.name, credentials: facts.route.upstream.credentials) {
            buffer.appendField(bytes.extracting(line.nameRange), bytes.extracting(line.valueRange))
        }
        buffer.appendFraming(facts.framing)
        // A POST without content needs to say so (RFC 9110 §8.6).
        if facts.framing == .none, request.method == .post { buffer.append("Content-Length: 0\r\n") }
        buffer.append(request.version == .http11 ? "Via: 1.1 audgate\r\n" : "Via: 1.0 audgate\r\n")
        buffer.appendField("X-Forwarded-For", facts.clientHost)
        buffer.appendField("X-Forwarded-Host", facts.route.resource.authority)
        buffer.appendField("X-Forwarded-Proto", facts.route.resource.scheme)
        appendTrace(request, facts, to: &buffer)
        buffer.appendHeadEnd()
    }

    private static func appendTrace(
        _ request: borrowing RequestHead,
        _ facts: Facts,
        to buffer: inout ByteBuffer
    ) {
        guard facts.continuesTrace else {
            return facts.requestID.appendTraceparent(parent: facts.parent, to: &buffer)
        }
        let bytes = request.bytes.span
        for line in request.fields.lines where line.name == .traceparent || line.name == .tracestate {
            buffer.appendField(bytes.extracting(line.nameRange), bytes.extracting(line.valueRange))
        }
    }
}
