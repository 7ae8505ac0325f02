// Decides the era of a request from head and body together, and refuses what two servers could take differently.

internal import Bytes
public import HTTP

/// The era table of MCP, and its rules for head and body.
///
/// One official server decides by the field `MCP-Protocol-Version` alone, the other by `params._meta` first. What they
/// could disagree on is refused, so that the server behind does what was judged here, whichever it is.
public enum ProtocolRules {
    /// Judges a POST.
    ///
    /// - Parameters:
    ///   - envelope: What was read of `body`.
    ///   - body: The body.
    ///   - head: The head that came with it.
    /// - Returns: The era of the request. Every message of a batch was judged.
    /// - Throws: The first rule that is broken.
    public static func era(
        of envelope: borrowing Envelope,
        body: borrowing Span<UInt8>,
        head: borrowing RequestHead
    ) throws(ProtocolViolation) -> Era {
        let isRepeated =
            head.fields.count(of: .mcpProtocolVersion) > 1 || head.fields.count(of: .mcpMethod) > 1
            || head.fields.count(of: .mcpName) > 1
        guard !isRepeated else { throw .repeatedField }
        let version = try standing(of: head)
        guard let message = envelope.messages.first else { throw .noMessage }
        if envelope.isBatch {
            try checkBatch(envelope, body, head, version)
            return .legacy
        }
        let era = try era(of: message, envelope, body, head, version)
        let isComplete = era == .modern && message.kind == .request
        try MirrorRules.check(message, envelope, body, head, isComplete: isComplete)
        if era == .modern { try MirrorRules.checkParameters(head) }
        return era
    }

    /// Judges a GET or DELETE.
    ///
    /// - Returns: `.legacy`.
    /// - Throws: `methodNotAllowed` for a modern version, and what is wrong with the field otherwise.
    public static func era(ofBodiless head: borrowing RequestHead) throws(ProtocolViolation) -> Era {
        guard head.fields.count(of: .mcpProtocolVersion) <= 1 else { throw .repeatedField }
        switch try standing(of: head) {
        case nil, .legacy: return .legacy
        case .modern: throw .methodNotAllowed
        case .unknown: throw .unknownVersion
        }
    }

    /// Whether a request with this version is held to the rules of the modern era; empty stands for none.
    public static func isModern(_ version: borrowing Span<UInt8>) -> Bool {
        !version.isEmpty && ProtocolRevision.standing(of: version) == .modern
    }

    /// What the version field says, nil if there is none.
    private static func standing(
        of head: borrowing RequestHead
    ) throws(ProtocolViolation) -> ProtocolRevision.Standing? {
        guard let range = head.fields.first(.mcpProtocolVersion) else { return nil }
        let value = head.bytes.span.extracting(range)
        guard !value.isEmpty, value.firstIndex(of: UInt8(ascii: ",")) == nil, MirroredValue.isPlain(value)
        else {
            throw .invalidVersion
        }
        return ProtocolRevision.standing(of: value)
    }

    /// What `_meta` says of the version, seen from the field.
    private enum BodyVersion {
        case absent
        /// The field's.
        case equal
        /// Another than the field's, or there is no field.
        case other(ProtocolRevision.Standing)
        /// No string.
        case unreadable
    }

    private static func version(
        of message: Message,
        _ envelope: borrowing Envelope,
        _ body: borrowing Span<UInt8>,
        _ head: borrowing RequestHead
    ) -> BodyVersion {
        guard let text = message.protocolVersion else {
            return message.isStrange(.protocolVersion) ? .unreadable : .absent
        }
        if let range = head.fields.first(.mcpProtocolVersion),
            envelope.equals(text, head.bytes.span.extracting(range), in: body)
        {
            return .equal
        }
        return .other(envelope.withOctets(of: text, in: body) { ProtocolRevision.standing(of: $0) })
    }

    /// The rows of the era table for a single message whose version field stands for `field`.
    private static func era(
        of message: Message,
        _ envelope: borrowing Envelope,
        _ body: borrowing Span<UInt8>,
        _ head: borrowing RequestHead,
        _ field: ProtocolRevision.Standing?
    ) throws(ProtocolViolation) -> Era {
        let version = version(of: message, envelope, body, head)
        switch (field, version) {
        case (.unknown, _): throw .unknownVersion

        case (.modern, _) where message.kind == .response: throw .responseNotAllowed
        case (.modern, .unreadable): throw .incompleteMeta
        case (.modern, .absent) where message.kind == .request: throw .incompleteMeta
        case (.modern, _) where message.kind == .request && !message.hasClientCapabilities:
            throw .incompleteMeta
        case (.modern, .absent), (.modern, .equal): return .modern
        case (.modern, .other): throw .versionMismatch

        case (.legacy, .absent), (.legacy, .equal): return .legacy
        case (.legacy, .other): throw .versionMismatch
        case (.legacy, .unreadable): throw .incompleteMeta

        case (nil, .absent), (nil, .other(.legacy)): return .legacy
        case (nil, .other(.unknown)): throw .unknownVersion
        case (nil, .other(.modern)), (nil, .equal): throw .versionMismatch
        case (nil, .unreadable): throw .incompleteMeta
        }
    }

    /// Checks an array of messages, each of which has to be one that may stand in it.
    private static func checkBatch(
        _ envelope: borrowing Envelope,
        _ body: borrowing Span<UInt8>,
        _ head: borrowing RequestHead,
        _ field: ProtocolRevision.Standing?
    ) throws(ProtocolViolation) {
        if let range = head.fields.first(.mcpProtocolVersion) {
            let revision = ProtocolRevision(head.bytes.span.extracting(range))
            guard revision?.allowsBatches == true else { throw .batchNotAllowed }
        }
        for message in envelope.messages {
            guard !message.isStrange(.protocolVersion) else { throw .incompleteMeta }
            if let version = message.protocolVersion {
                let allowsBatches = envelope.withOctets(of: version, in: body) {
                    ProtocolRevision($0)?.allowsBatches == true
                }
                guard allowsBatches else { throw .batchNotAllowed }
            }
            if let method = message.method, envelope.equals(method, "initialize", in: body) {
                throw .initializeInBatch
            }
            try MirrorRules.check(message, envelope, body, head, isComplete: false)
        }
    }
}
