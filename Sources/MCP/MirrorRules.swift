// The fields that repeat parts of the body, compared with it: the body is the truth, and they may not say otherwise.

internal import Bytes
internal import HTTP

/// The comparison of `Mcp-Method`, `Mcp-Name` and `Mcp-Param-…` (MCP 2026-07-28, "Server Validation").
enum MirrorRules {
    /// Compares the fields with `message`.
    ///
    /// - Parameter isComplete: Whether the fields have to be there, as for a modern request. Where they are not needed
    ///   they still may not contradict the body: something in front of the server may go by them.
    static func check(
        _ message: Message,
        _ envelope: borrowing Envelope,
        _ body: borrowing Span<UInt8>,
        _ head: borrowing RequestHead,
        isComplete: Bool
    ) throws(ProtocolViolation) {
        if let range = head.fields.first(.mcpMethod) {
            let value = head.bytes.span.extracting(range)
            guard MirroredValue.isPlain(value) else { throw .invalidField }
            guard let method = message.method, envelope.equals(method, value, in: body) else {
                throw .methodMismatch
            }
        } else if isComplete {
            throw .methodMismatch
        }
        let rule = rule(for: message, envelope, body)
        if let rule, message.isStrange(rule.source) { throw .invalidName }
        guard let range = head.fields.first(.mcpName) else {
            let isMissing = isComplete && rule.map { $0.isRequired && message[$0.source] != nil } == true
            if isMissing { throw .nameMismatch }
            return
        }
        let isSame = MirroredValue.withOctets(of: head.bytes.span.extracting(range)) { name in
            isMirror(name, of: message, rule, envelope, body)
        }
        guard let isSame else { throw .invalidField }
        guard isSame else { throw .nameMismatch }
    }

    /// Whether `name` is what `Mcp-Name` may say beside `message`.
    private static func isMirror(
        _ name: borrowing Span<UInt8>,
        of message: Message,
        _ rule: MirrorRule?,
        _ envelope: borrowing Envelope,
        _ body: borrowing Span<UInt8>
    ) -> Bool {
        if let rule { return message[rule.source].map { envelope.equals($0, name, in: body) } == true }
        var isAbsent = true
        for source in MirrorRule.otherSources {
            guard let text = message[source] else { continue }
            if envelope.equals(text, name, in: body) { return true }
            isAbsent = false
        }
        // A method without a rule may carry the field for reasons of its own.
        return isAbsent
    }

    private static func rule(
        for message: Message,
        _ envelope: borrowing Envelope,
        _ body: borrowing Span<UInt8>
    ) -> MirrorRule? {
        guard let method = message.method else { return nil }
        for rule in MirrorRule.all where envelope.equals(method, rule.method, in: body) { return rule }
        return nil
    }

    /// Checks the form of the fields `Mcp-Param-…`. What they say is the server's to compare, who knows the schema.
    static func checkParameters(_ head: borrowing RequestHead) throws(ProtocolViolation) {
        let lines = head.fields.lines
        let bytes = head.bytes.span
        for (index, line) in lines.enumerated() where line.name == .mcpParameter {
            guard MirroredValue.isPlain(bytes.extracting(line.valueRange)) else { throw .invalidField }
            for other in lines[..<index] where other.name == .mcpParameter {
                guard !equalsIgnoringCase(bytes, line.nameRange, other.nameRange) else {
                    throw .repeatedParameter
                }
            }
        }
    }

    private static func equalsIgnoringCase(
        _ bytes: borrowing Span<UInt8>,
        _ left: ByteRange,
        _ right: ByteRange
    ) -> Bool {
        guard left.count == right.count else { return false }
        for offset in 0..<left.count {
            let octet = ASCII.lowercased(bytes[left.start + offset])
            guard octet == ASCII.lowercased(bytes[right.start + offset]) else { return false }
        }
        return true
    }
}
