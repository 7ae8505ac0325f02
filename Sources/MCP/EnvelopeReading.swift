// How an envelope reads: messages, their params, and _meta, one level inside of the other.

internal import Bytes

/// The name of a member that is not reserved, kept to find a second one.
struct MemberName {
    let hash: UInt64
    let text: Text
}

/// An object whose members are being read.
struct OpenObject {
    let level: Level
    /// Where its names begin among those of all open objects.
    let firstName: Int
    /// How many members were read.
    var count = 0
}

extension Envelope {
    /// Reads `body` into an empty envelope.
    mutating func readMessages(_ body: borrowing Span<UInt8>) throws(EnvelopeViolation) {
        if body.count >= 3, body[0] == 0xEF, body[1] == 0xBB, body[2] == 0xBF { throw .byteOrderMark }
        var cursor = JSONCursor(maximumDepth: Self.maximumDepth)
        isBatch = try cursor.next(in: body) == UInt8(ascii: "[")
        if isBatch {
            try readBatch(body, &cursor)
        } else {
            let message = try readMessage(body, &cursor)
            let isAnswered = message.members.contains(.method) || !message.hasOutcome
            if isAnswered && !isIDRepeated { id = message.id }
        }
        guard cursor.isAtEnd(of: body) else {
            id = nil
            throw .trailingData
        }
        if let violation { throw violation }
    }

    private mutating func readBatch(
        _ body: borrowing Span<UInt8>,
        _ cursor: inout JSONCursor
    ) throws(EnvelopeViolation) {
        try cursor.open()
        if try cursor.closes(with: UInt8(ascii: "]"), in: body) {
            note(.emptyBatch)
            return
        }
        repeat {
            guard messages.count < Self.maximumMessages else { throw .tooManyMessages }
            _ = try readMessage(body, &cursor)
        } while try cursor.continues(before: UInt8(ascii: "]"), in: body)
    }

    /// Reads the value that is next as a message, and appends it.
    private mutating func readMessage(
        _ body: borrowing Span<UInt8>,
        _ cursor: inout JSONCursor
    ) throws(EnvelopeViolation) -> Message {
        var message = Message()
        if try cursor.next(in: body) == UInt8(ascii: "{") {
            var object = try openObject(.message, &cursor)
            while let member = try nextMember(of: &object, &message.members, body, &cursor) {
                try read(member, of: &message, body, &cursor)
            }
            settleKind(of: &message)
        } else {
            note(.notAnObject)
            try cursor.skipValue(in: body)
        }
        messages.append(message)
        return message
    }

    /// Reads the value of a member of the message.
    private mutating func read(
        _ member: Member,
        of message: inout Message,
        _ body: borrowing Span<UInt8>,
        _ cursor: inout JSONCursor
    ) throws(EnvelopeViolation) {
        switch member {
        case .jsonrpc:
            let version = try readText(body, &cursor)
            if version.map({ equals($0, "2.0", in: body) }) != true { note(.invalidVersion) }
        case .id: message.id = try readID(body, &cursor)
        case .method: message.method = try readText(body, &cursor)
        case .params:
            guard try cursor.next(in: body) == UInt8(ascii: "{") else {
                note(.invalidParams)
                return try cursor.skipValue(in: body)
            }
            var object = try openObject(.params, &cursor)
            while let member = try nextMember(of: &object, &message.members, body, &cursor) {
                try readParameter(member, of: &message, body, &cursor)
            }
        default: try cursor.skipValue(in: body)
        }
    }

    /// Reads the value of a member of `params`.
    private mutating func readParameter(
        _ member: Member,
        of message: inout Message,
        _ body: borrowing Span<UInt8>,
        _ cursor: inout JSONCursor
    ) throws(EnvelopeViolation) {
        switch member {
        case .name: message.name = try readText(body, &cursor)
        case .uri: message.uri = try readText(body, &cursor)
        case .taskID: message.taskID = try readText(body, &cursor)
        case .meta:
            guard try cursor.next(in: body) == UInt8(ascii: "{") else {
                return try cursor.skipValue(in: body)
            }
            message.hasMeta = true
            var object = try openObject(.meta, &cursor)
            while let member = try nextMember(of: &object, &message.members, body, &cursor) {
                switch member {
                case .protocolVersion: message.protocolVersion = try readText(body, &cursor)
                case .clientCapabilities:
                    message.hasClientCapabilities = try cursor.next(in: body) == UInt8(ascii: "{")
                    try cursor.skipValue(in: body)
                case .traceParent: message.traceParent = try readTrace(body, &cursor)
                case .traceState: message.traceState = try readTrace(body, &cursor)
                default: try cursor.skipValue(in: body)
                }
            }
        default: try cursor.skipValue(in: body)
        }
    }

    private func openObject(_ level: Level, _ cursor: inout JSONCursor) throws(EnvelopeViolation)
        -> OpenObject
    {
        try cursor.open()
        return OpenObject(level: level, firstName: names.count)
    }

    /// Moves to the value of the next reserved member of `object`, over all others; nil behind the last.
    private mutating func nextMember(
        of object: inout OpenObject,
        _ members: inout MemberSet,
        _ body: borrowing Span<UInt8>,
        _ cursor: inout JSONCursor
    ) throws(EnvelopeViolation) -> Member? {
        while try hasMember(object, body, &cursor) {
            object.count += 1
            guard object.count <= Self.maximumMembers else { throw .tooManyMembers }
            guard let name = try readText(body, &cursor) else { throw .unexpectedCharacter }
            try cursor.expect(UInt8(ascii: ":"), in: body)
            let level = object.level
            switch withOctets(of: name, in: body, { level.recognise($0) }) {
            case .reserved(let member):
                if members.insert(member) { return member }
                note(.duplicateMember)
                if member == .id { isIDRepeated = true }
            case .variant: note(.variantMember)
            case .other: keep(name, of: object, body)
            }
            try cursor.skipValue(in: body)
        }
        names.removeLast(names.count - object.firstName)
        return nil
    }

    /// Whether another member follows in `object`; consumes what is in front of it, or the end of the object.
    private func hasMember(
        _ object: OpenObject,
        _ body: borrowing Span<UInt8>,
        _ cursor: inout JSONCursor
    ) throws(EnvelopeViolation) -> Bool {
        guard object.count > 0 else { return try !cursor.closes(with: UInt8(ascii: "}"), in: body) }
        return try cursor.continues(before: UInt8(ascii: "}"), in: body)
    }

    /// Keeps the name of a member that is not reserved, after looking for it among those of the same object.
    private mutating func keep(_ name: Text, of object: OpenObject, _ body: borrowing Span<UInt8>) {
        let hash = withOctets(of: name, in: body) { octets in
            var hash: UInt64 = 0xCBF2_9CE4_8422_2325
            for index in octets.indices { hash = (hash ^ UInt64(octets[index])) &* 0x0000_0100_0000_01B3 }
            return hash
        }
        for other in names[object.firstName...] where other.hash == hash && equals(name, other.text, in: body)
        {
            return note(.duplicateMember)
        }
        names.append(MemberName(hash: hash, text: name))
    }

    /// Reads the value that is next if it is a string; moves over it and returns nil if it is not.
    private mutating func readText(
        _ body: borrowing Span<UInt8>,
        _ cursor: inout JSONCursor
    ) throws(EnvelopeViolation) -> Text? {
        guard try cursor.next(in: body) == UInt8(ascii: "\"") else {
            try cursor.skipValue(in: body)
            return nil
        }
        let start = cursor.offset + 1
        let hasEscapes = try cursor.skipString(in: body)
        let end = cursor.offset - 1
        guard end - start <= Self.maximumTextLength else { throw .textTooLong }
        guard hasEscapes else { return Text(range: ByteRange(start, end), isDecoded: false) }
        let (text, hasNull) = try decode(ByteRange(start, end), of: body)
        if hasNull { note(.nullCharacter) }
        return text
    }

    /// Reads the value that is next if it is a string that a trace context can be; moves over it and returns nil if it
    /// is not. Nothing in it is a reason to refuse the message: it decides nothing.
    private mutating func readTrace(
        _ body: borrowing Span<UInt8>,
        _ cursor: inout JSONCursor
    ) throws(EnvelopeViolation) -> Text? {
        guard try cursor.next(in: body) == UInt8(ascii: "\"") else {
            try cursor.skipValue(in: body)
            return nil
        }
        let start = cursor.offset + 1
        let hasEscapes = try cursor.skipString(in: body)
        let string = ByteRange(start, cursor.offset - 1)
        guard string.count <= Self.maximumTraceLength else { return nil }
        return hasEscapes ? try decode(string, of: body).text : Text(range: string, isDecoded: false)
    }

    /// Decodes a string with escapes into the envelope's own memory, and tells whether there is a NUL in it.
    private mutating func decode(
        _ string: ByteRange,
        of body: borrowing Span<UInt8>
    ) throws(EnvelopeViolation) -> (text: Text, hasNull: Bool) {
        let first = decoded.count
        var hasNull = false
        var index = string.start
        while index < string.end {
            guard body[index] == UInt8(ascii: "\\") else {
                decoded.append(body[index])
                index += 1
                continue
            }
            let escape = try JSONString.escape(in: body, at: index)
            if escape.scalar == "\0" { hasNull = true }
            for unit in UTF8.encode(escape.scalar) ?? .init() { decoded.append(unit) }
            index = escape.end
        }
        return (Text(range: ByteRange(first, decoded.count), isDecoded: true), hasNull)
    }

    /// Reads the id that is next; nil with a note if it is none that MCP allows.
    private mutating func readID(
        _ body: borrowing Span<UInt8>,
        _ cursor: inout JSONCursor
    ) throws(EnvelopeViolation) -> ByteRange? {
        let byte = try cursor.next(in: body)
        let start = cursor.offset
        var isValid = byte == UInt8(ascii: "\"")
        if byte == UInt8(ascii: "-") || ASCII.isDigit(byte) {
            isValid = try cursor.skipNumber(in: body)
        } else {
            try cursor.skipValue(in: body)
        }
        guard isValid, cursor.offset - start <= Self.maximumIDLength else {
            note(.invalidID)
            return nil
        }
        return ByteRange(start, cursor.offset)
    }

    /// Settles what kind of message it is, once all of its members are known.
    private mutating func settleKind(of message: inout Message) {
        let members = message.members
        if !members.contains(.jsonrpc) { note(.invalidVersion) }
        if members.contains(.method) {
            if message.method == nil { note(.missingMethod) }
            if message.hasOutcome { note(.ambiguousKind) }
            message.kind = members.contains(.id) ? .request : .notification
        } else {
            if !message.hasOutcome { note(.missingMethod) }
            if members.contains(.result) && members.contains(.error) { note(.ambiguousKind) }
            if members.contains(.result) && !members.contains(.id) { note(.invalidID) }
            message.kind = .response
        }
    }

    /// Remembers the first breach.
    private mutating func note(_ breach: EnvelopeViolation) {
        if violation == nil { violation = breach }
    }
}

extension Message {
    /// Whether there is a result or an error.
    var hasOutcome: Bool { members.contains(.result) || members.contains(.error) }
}
