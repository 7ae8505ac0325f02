// What an envelope says of a body, as text that tests can compare.

import Bytes
import MCP

/// A body as it was read.
struct Reading: Equatable {
    /// The messages in one line each.
    var messages: [String] = []
    /// Why the body was refused.
    var violation: EnvelopeViolation?
    /// The id that an error would answer to.
    var id: String?
    /// Whether the body is an array.
    var isBatch = false

    /// Reads `body` with an envelope that has read something else before.
    init(_ body: String) {
        self.init(octets: Array(body.utf8))
    }

    /// Reads `body` with an envelope that has read something else before.
    init(octets body: [UInt8]) {
        var envelope = Envelope()
        let other = #"[{"jsonrpc":"2.0","id":"\u0061","method":"\u0062","params":{"name":"\u0063","x":1}}]"#
        try? envelope.read(Array(other.utf8).span)
        self.init(body.span, &envelope)
    }

    /// Reads `body` with `envelope`.
    init(_ body: Span<UInt8>, _ envelope: inout Envelope) {
        do throws(EnvelopeViolation) {
            try envelope.read(body)
        } catch {
            violation = error
        }
        isBatch = envelope.isBatch
        id = envelope.id.map { String(lossy: body.extracting($0)) }
        for message in envelope.messages {
            messages.append(Self.line(message, envelope, body))
        }
    }

    private static func line(_ message: Message, _ envelope: borrowing Envelope, _ body: Span<UInt8>)
        -> String
    {
        var line = "\(message.kind)"
        func add(_ name: String, _ text: Text?) {
            if let text { line += " \(name)=\(envelope.string(text, in: body))" }
        }
        if let id = message.id { line += " id=\(String(lossy: body.extracting(id)))" }
        add("method", message.method)
        add("name", message.name)
        add("uri", message.uri)
        add("taskId", message.taskID)
        add("version", message.protocolVersion)
        add("traceparent", message.traceParent)
        add("tracestate", message.traceState)
        if message.hasMeta { line += " meta" }
        if message.hasClientCapabilities { line += " capabilities" }
        return line
    }
}
