// What holds for every body, good or bad: the fuzz target of the envelope, with the JSON reader as the other opinion.

import Bytes
import JSON
import MCP

/// The invariants of `Envelope`.
enum EnvelopeInvariants {
    /// The invariant that `text` breaks, nil if none.
    static func broken(by text: Span<UInt8>) -> String? {
        var envelope = Envelope()
        let first = violation(of: text, &envelope)
        let count = envelope.messages.count
        let second = violation(of: text, &envelope)
        guard first == second, count == envelope.messages.count else { return "two readings differ" }
        if let id = envelope.id, id.end > text.count || id.isEmpty { return "an id outside of the body" }
        if first?.code == -32700, envelope.id != nil { return "the id of what is no JSON" }
        do throws(JSONError) {
            let value = try JSONReader.read(text, maximumDepth: Envelope.maximumDepth, maximumValues: .max)
            guard first?.code != -32700 else { return "JSON refused as none" }
            guard first == nil else { return count == 0 ? nil : "messages of a refused body" }
            return difference(value, envelope, text)
        } catch {
            switch error.reason {
            // The envelope does not look for duplicates everywhere.
            case .duplicateMember: return nil
            default: return first == nil ? "no JSON, but taken" : nil
            }
        }
    }

    private static func violation(of text: Span<UInt8>, _ envelope: inout Envelope) -> EnvelopeViolation? {
        do throws(EnvelopeViolation) {
            try envelope.read(text)
            return nil
        } catch {
            return error
        }
    }

    private static func difference(
        _ value: JSONValue,
        _ envelope: borrowing Envelope,
        _ text: Span<UInt8>
    ) -> String? {
        guard envelope.isBatch == (value.array != nil) else { return "batch or not" }
        let elements = value.array ?? [value]
        guard elements.count == envelope.messages.count, !elements.isEmpty else {
            return "number of messages"
        }
        for (element, message) in zip(elements, envelope.messages) {
            guard let object = element.object else { return "a message that is no object" }
            if let difference = difference(object, message, envelope, text) { return difference }
        }
        return nil
    }

    private static func difference(
        _ object: JSONObject,
        _ message: Message,
        _ envelope: borrowing Envelope,
        _ text: Span<UInt8>
    ) -> String? {
        let params = object["params"]?.object
        let meta = params?["_meta"]?.object
        let strings = [
            (message.method, object["method"]), (message.name, params?["name"]),
            (message.uri, params?["uri"]),
            (message.taskID, params?["taskId"]),
            (message.protocolVersion, meta?[metaPrefix + "protocolVersion"]),
        ]
        for (found, expected) in strings {
            let string = found.map { envelope.string($0, in: text) }
            guard string?.octets == expected?.string?.octets else { return "a string" }
        }
        for (found, name) in [(message.traceParent, "traceparent"), (message.traceState, "tracestate")] {
            // Those that are too long are passed over.
            let string = found.map { envelope.string($0, in: text) }
            guard string == nil || string?.octets == meta?[name]?.string?.octets else { return name }
        }
        guard message.hasMeta == (meta != nil) else { return "_meta" }
        let hasCapabilities = meta?[metaPrefix + "clientCapabilities"]?.object != nil
        guard message.hasClientCapabilities == hasCapabilities else { return "capabilities" }
        guard object["jsonrpc"]?.string == "2.0" else { return "a message without version" }
        guard isKind(message.kind, object) else { return "the kind" }
        guard isSame(message.id.map { Array(copying: text.extracting($0)) }, object["id"]) else {
            return "the id"
        }
        let levels = [(object, messageNames), (params, paramsNames), (meta, metaNames)]
        for case (let level?, let reserved) in levels where hasVariant(level, of: reserved) {
            return "a variant"
        }
        return nil
    }

    private static func isKind(_ kind: Message.Kind, _ object: JSONObject) -> Bool {
        let outcomes = [object["result"], object["error"]].compactMap { $0 }.count
        guard object["method"] != nil else { return kind == .response && outcomes == 1 }
        return outcomes == 0 && kind == (object["id"] == nil ? .notification : .request)
    }

    private static func isSame(_ id: [UInt8]?, _ value: JSONValue?) -> Bool {
        guard let id, let value else { return id == nil && value == nil }
        guard let again = try? JSONReader.read(id.span) else { return false }
        if let string = value.string { return again.string?.octets == string.octets }
        let isInteger = id.allSatisfy { $0 == UInt8(ascii: "-") || ASCII.isDigit($0) }
        return isInteger && again.number == value.number && value.number != nil
    }

    private static func hasVariant(_ object: JSONObject, of reserved: [String]) -> Bool {
        object.members.contains { member in
            let folded = [member.name.lowercased(), member.name.uppercased().lowercased()]
            return reserved.contains { name in
                !member.name.isIdentical(to: name)
                    && folded.contains { $0.isIdentical(to: name.lowercased()) }
            }
        }
    }

    private static let metaPrefix = "io.modelcontextprotocol/"
    private static let messageNames = ["jsonrpc", "id", "method", "params", "result", "error"]
    private static let paramsNames = ["name", "uri", "taskId", "arguments", "_meta"]
    private static let metaNames = ["protocolVersion", "clientCapabilities"].map { metaPrefix + $0 }
}
