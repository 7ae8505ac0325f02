// The spans of one exchange: what the gateway did for a client, and what it asked of a server for that.

internal import Bytes
internal import HTTP
internal import JSON
internal import Policy

/// What is recorded of an exchange, under the names of OpenTelemetry's semantic conventions for HTTP and MCP.
///
/// There is no token, session id, subject, path, query or argument among it.
struct ExchangeSpans {
    let record: AccessRecord
    let trace: ExchangeTrace
    /// The route's resource.
    let resource: String
    /// The endpoint that was asked last, nil if none was.
    let endpoint: Endpoint?
    /// Status of the server's answer, 0 if there was none.
    let upstreamStatus: Int
    /// Version of the server's answer.
    let upstreamVersion: HTTPVersion
    /// Id of the server span.
    let serverSpan: UInt64
    /// Id of the client span if the request never came as far as to need one.
    let spareSpan: UInt64
    /// Microseconds of the monotonic clock at the end.
    let now: Int
    /// Microseconds from the Unix epoch to the beginning of the monotonic clock.
    let epoch: Int

    /// Appends one line for each span: the exchange itself, and the request to the server if there was one.
    func append(to lines: inout SpanLines) {
        lines.add { writer in write(serverSpan: &writer) }
        if trace.forwardedAt != 0 { lines.add { writer in write(clientSpan: &writer) } }
    }

    private func write(serverSpan writer: inout JSONWriter) {
        writer.identifiers(trace: record.requestID, span: serverSpan, parent: trace.parent?.span)
        writer.flags(isRemoteChild: trace.parent != nil)
        writer.member("name", name)
        writer.kind(.server)
        writer.times(from: epoch + record.start, to: epoch + now)
        let error = serverError
        writer.name("attributes")
        writer.array { writer in
            writer.attribute("audgate.route", resource)
            writer.attribute("audgate.decision", record.decision)
            writer.attribute("audgate.reason", record.reason.code)
            writer.attribute("http.request.method", method)
            if record.status != 0 { writer.attribute("http.response.status_code", record.status) }
            writer.attribute("network.protocol.version", record.version.number)
            if !record.rpcMethod.isEmpty { writer.attribute("mcp.method.name", record.rpcMethod) }
            if !record.tool.isEmpty {
                writer.attribute("gen_ai.operation.name", "execute_tool")
                writer.attribute("gen_ai.tool.name", record.tool)
            }
            if let error { writer.attribute("error.type", error) }
        }
        if let link = trace.link { writer.links(to: link) }
        if error != nil { writer.failure() }
    }

    private func write(clientSpan writer: inout JSONWriter) {
        let span = trace.clientSpan == 0 ? spareSpan : trace.clientSpan
        writer.identifiers(trace: record.requestID, span: span, parent: serverSpan)
        writer.flags(isRemoteChild: false)
        writer.member("name", method)
        writer.kind(.client)
        writer.times(from: epoch + trace.forwardedAt, to: epoch + now)
        let error = clientError
        writer.name("attributes")
        writer.array { writer in
            writer.attribute("audgate.route", resource)
            writer.attribute("http.request.method", method)
            if upstreamStatus != 0 {
                writer.attribute("http.response.status_code", upstreamStatus)
                writer.attribute("network.protocol.version", upstreamVersion.number)
            }
            if let endpoint {
                writer.attribute("server.address", endpoint.unixPath ?? endpoint.host)
                if endpoint.unixPath == nil { writer.attribute("server.port", Int(endpoint.port)) }
            }
            if let error { writer.attribute("error.type", error) }
        }
        if error != nil { writer.failure() }
    }

    /// The MCP method with the tool, or the method of HTTP where there is no message.
    private var name: String {
        guard !record.rpcMethod.isEmpty else { return "\(method)" }
        return record.tool.isEmpty ? record.rpcMethod : "\(record.rpcMethod) \(record.tool)"
    }

    private var method: StaticString { record.method.name ?? "_OTHER" }

    /// What went wrong on the server's side, as clients see it: theirs are no errors of the gateway.
    private var serverError: String? {
        if let failure { return failure }
        guard record.status >= 500 else { return nil }
        return record.reason == .access(.allowed) ? "\(record.status)" : record.reason.code
    }

    /// What went wrong with the request to the server.
    private var clientError: String? {
        failure ?? (upstreamStatus >= 400 ? "\(upstreamStatus)" : nil)
    }

    /// The reason code if something failed that is no fault of the client.
    private var failure: String? {
        guard case .failure(let reason) = record.reason, Answer(record.reason).status >= 500 else {
            return nil
        }
        return reason.rawValue
    }
}

extension HTTPVersion {
    /// The number alone, as spans name it.
    fileprivate var number: StaticString {
        switch self {
        case .http10: "1.0"
        case .http11: "1.1"
        case .http2: "2"
        }
    }
}
