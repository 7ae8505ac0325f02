// What the access log says of one request, and how it says it.

internal import Bytes
internal import HTTP
internal import JSON
internal import MCP
internal import Policy

/// The facts of one request, gathered while it is served.
struct AccessRecord {
    var requestID = RequestID(0, 0)
    /// Microseconds of the monotonic clock when the head was complete.
    var start = 0
    /// Microseconds of the monotonic clock when the request went to a server; 0 if it did not.
    var upstreamStart = 0
    /// Microseconds that the head of the response took; 0 if there was none.
    var upstreamDuration = 0
    var method = Method.other
    var version = HTTPVersion.http11
    var status = 0
    var reason = Reason.access(.allowed)
    var route: RouteID?
    var intendedRoute: RouteID?
    var principal: Principal?
    /// The JSON-RPC method, empty if there is none.
    var rpcMethod = ""
    /// The tool of a `tools/call`, empty if there is none.
    var tool = ""
    var bytesIn = 0
    var bytesOut = 0
    /// The endpoint, empty if the request did not go on.
    var endpoint = ""
    /// What went wrong, for people.
    var detail = ""

    /// Appends the line of this record: one JSON object. It has no token, no query and no value that MCP keeps secret.
    ///
    /// - Parameters:
    ///   - client: Where the request came from.
    ///   - snapshot: Names the routes.
    ///   - clock: The time.
    ///   - buffer: Gets the line.
    func append(client: String, snapshot: Snapshot, clock: RoundClock, to buffer: inout ByteBuffer) {
        buffer.append("{\"time\":\"")
        clock.appendTime(to: &buffer)
        buffer.append("\",\"request_id\":\"")
        requestID.append(to: &buffer)
        buffer.append("\",\"client\":\"")
        buffer.append(client)
        if let route {
            buffer.append("\",\"route\":\"")
            buffer.append(snapshot.route(route).resource.text)
        }
        buffer.append("\",\"method\":\"")
        buffer.append(method.name ?? "other")
        buffer.append("\",\"status\":")
        buffer.append(decimal: status)
        buffer.append(",\"decision\":\"")
        buffer.append(decision)
        buffer.append("\",\"reason\":\"")
        buffer.append(reason.code)
        buffer.append("\",\"bytes_in\":")
        buffer.append(decimal: bytesIn)
        buffer.append(",\"bytes_out\":")
        buffer.append(decimal: bytesOut)
        buffer.append(",\"duration_us\":")
        buffer.append(decimal: clock.microseconds - start)
        appendUpstream(to: &buffer)
        buffer.append(",\"protocol\":\"")
        buffer.append(version.name)
        buffer.append("\"")
        if let principal {
            buffer.append(",")
            let members = principal.logMembers
            buffer.append(members.span)
        }
        if isRefused, intendedRoute == nil { buffer.append(",\"event\":\"refusal\"") }
        if let intendedRoute {
            buffer.append(",\"event\":\"cross_audience_replay\",\"issued_for\":\"")
            buffer.append(snapshot.route(intendedRoute).resource.text)
            buffer.append("\"")
        }
        appendMember("mcp_method", rpcMethod, to: &buffer)
        appendMember("mcp_tool", tool, to: &buffer)
        appendMember("detail", detail, to: &buffer)
        buffer.append("}\n")
    }

    private func appendUpstream(to buffer: inout ByteBuffer) {
        guard !endpoint.isEmpty else { return }
        buffer.append(",\"upstream_us\":")
        buffer.append(decimal: upstreamDuration)
        buffer.append(",\"upstream\":")
        Self.appendString(endpoint, to: &buffer)
    }

    /// Most octets of a name in the log.
    private static let maximumNameLength = 128

    /// The JSON-RPC method of a single message, and the tool that it calls; empty where there is none, as in a batch.
    static func names(
        in envelope: borrowing Envelope,
        of body: borrowing Span<UInt8>
    ) -> (rpcMethod: String, tool: String) {
        guard !envelope.isBatch, let message = envelope.messages.first, let method = message.method else {
            return ("", "")
        }
        let rpcMethod = name(method, envelope, body)
        guard let name = message.name, envelope.equals(method, "tools/call", in: body) else {
            return (rpcMethod, "")
        }
        return (rpcMethod, Self.name(name, envelope, body))
    }

    private static func name(
        _ text: Text,
        _ envelope: borrowing Envelope,
        _ body: borrowing Span<UInt8>
    ) -> String {
        envelope.withOctets(of: text, in: body) { octets in
            String(lossy: octets.extracting(..<min(octets.count, maximumNameLength)))
        }
    }

    private func appendMember(_ name: StaticString, _ value: String, to buffer: inout ByteBuffer) {
        guard !value.isEmpty else { return }
        buffer.append(",\"")
        buffer.append(name)
        buffer.append("\":")
        Self.appendString(value, to: &buffer)
    }

    private static func appendString(_ text: String, to buffer: inout ByteBuffer) {
        // The writer gets the buffer for as long as it writes.
        var lent = ByteBuffer()
        swap(&lent, &buffer)
        var writer = JSONWriter(reusing: lent)
        writer.string(text)
        buffer = writer.finish()
    }

    /// Whether the request was refused.
    var isRefused: Bool { reason.outcome == .refuse }

    /// Who ended the request: policy let it through, the gateway answered, or it was refused or failed.
    var decision: StaticString { reason.outcome.name }
}
