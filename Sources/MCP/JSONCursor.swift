// A place in a JSON text that moves over whole values without keeping them (RFC 8259).

internal import Bytes
internal import JSON

/// Moves over a text by the rules of `JSONReader`, but for duplicate members inside of what it skips.
struct JSONCursor {
    /// Where the next octet stands.
    private(set) var offset = 0
    /// How many more arrays and objects may be opened; at most 64, as `skipValue` keeps one bit of each.
    private var depthLeft: Int

    init(maximumDepth: Int) {
        depthLeft = min(maximumDepth, UInt64.bitWidth)
    }

    /// The next octet that is no white space, which is not consumed.
    mutating func next(in text: borrowing Span<UInt8>) throws(EnvelopeViolation) -> UInt8 {
        while offset < text.count {
            let byte = text[offset]
            guard byte <= ASCII.space, Self.isWhitespace(byte) else { return byte }
            offset += 1
        }
        throw .unexpectedEnd
    }

    /// Whether only white space is left.
    mutating func isAtEnd(of text: borrowing Span<UInt8>) -> Bool {
        while offset < text.count, Self.isWhitespace(text[offset]) { offset += 1 }
        return offset == text.count
    }

    /// Consumes `byte`, which must be the next that is no white space.
    mutating func expect(_ byte: UInt8, in text: borrowing Span<UInt8>) throws(EnvelopeViolation) {
        guard try next(in: text) == byte else { throw .unexpectedCharacter }
        offset += 1
    }

    /// Consumes the bracket at `offset`, which opens an array or object.
    mutating func open() throws(EnvelopeViolation) {
        guard depthLeft > 0 else { throw .tooDeep }
        depthLeft -= 1
        offset += 1
    }

    /// Consumes a comma, or the bracket `closing`; tells whether another element follows.
    mutating func continues(
        before closing: UInt8,
        in text: borrowing Span<UInt8>
    ) throws(EnvelopeViolation) -> Bool {
        let byte = try next(in: text)
        guard byte == closing || byte == UInt8(ascii: ",") else { throw .unexpectedCharacter }
        offset += 1
        if byte == closing { depthLeft += 1 }
        return byte != closing
    }

    /// Consumes the bracket `closing` if it is next, as behind the opening bracket of an empty array or object.
    mutating func closes(with closing: UInt8, in text: borrowing Span<UInt8>) throws(EnvelopeViolation)
        -> Bool
    {
        guard try next(in: text) == closing else { return false }
        offset += 1
        depthLeft += 1
        return true
    }

    /// Moves over the value that is next, of any depth. Takes no stack for it.
    mutating func skipValue(in text: borrowing Span<UInt8>) throws(EnvelopeViolation) {
        // The arrays and objects that are open, innermost in the lowest bit: 1 for an object.
        var objects: UInt64 = 0
        var count = 0
        repeat {
            switch try next(in: text) {
            case UInt8(ascii: "\""): _ = try skipString(in: text)
            case UInt8(ascii: "{"):
                try open()
                objects = objects << 1 | 1
                count += 1
                guard try closes(with: UInt8(ascii: "}"), in: text) else {
                    try skipName(in: text)
                    continue
                }
                objects >>= 1
                count -= 1
            case UInt8(ascii: "["):
                try open()
                guard try closes(with: UInt8(ascii: "]"), in: text) else {
                    objects <<= 1
                    count += 1
                    continue
                }
            default: try skipScalar(in: text)
            }
            try skipClosings(of: &objects, &count, in: text)
        } while count > 0
    }

    /// Moves over what closes behind a value, up to where the next value stands or nothing is open.
    private mutating func skipClosings(
        of objects: inout UInt64,
        _ count: inout Int,
        in text: borrowing Span<UInt8>
    ) throws(EnvelopeViolation) {
        while count > 0 {
            let isObject = objects & 1 == 1
            let closing = isObject ? UInt8(ascii: "}") : UInt8(ascii: "]")
            guard try !continues(before: closing, in: text) else {
                if isObject { try skipName(in: text) }
                return
            }
            objects >>= 1
            count -= 1
        }
    }

    /// Moves over the name of a member and the colon behind it.
    private mutating func skipName(in text: borrowing Span<UInt8>) throws(EnvelopeViolation) {
        guard try next(in: text) == UInt8(ascii: "\"") else { throw .unexpectedCharacter }
        _ = try skipString(in: text)
        try expect(UInt8(ascii: ":"), in: text)
    }

    /// Moves over the literal or number at `offset`.
    private mutating func skipScalar(in text: borrowing Span<UInt8>) throws(EnvelopeViolation) {
        switch text[offset] {
        case UInt8(ascii: "t"): try skipLiteral("true", in: text)
        case UInt8(ascii: "f"): try skipLiteral("false", in: text)
        case UInt8(ascii: "n"): try skipLiteral("null", in: text)
        default: _ = try skipNumber(in: text)
        }
    }

    private mutating func skipLiteral(
        _ literal: StaticString,
        in text: borrowing Span<UInt8>
    ) throws(EnvelopeViolation) {
        let end = offset + literal.utf8CodeUnitCount
        guard end <= text.count else { throw .unexpectedEnd }
        guard text.extracting(offset..<end).equals(literal) else { throw .unexpectedCharacter }
        offset = end
    }

    /// Moves over the number at `offset`, and tells whether it has neither fraction nor exponent.
    mutating func skipNumber(in text: borrowing Span<UInt8>) throws(EnvelopeViolation) -> Bool {
        let start = offset
        if text[offset] == UInt8(ascii: "-") { offset += 1 }
        let first = offset
        let whole = skipDigits(in: text)
        guard whole > 0 else { throw first > start ? .invalidNumber : .unexpectedCharacter }
        guard whole == 1 || text[first] != UInt8(ascii: "0") else { throw .invalidNumber }
        let integerEnd = offset
        if offset < text.count, text[offset] == UInt8(ascii: ".") {
            offset += 1
            guard skipDigits(in: text) > 0 else { throw .invalidNumber }
        }
        var exponent = 0
        if offset < text.count, text[offset] | 0x20 == UInt8(ascii: "e") {
            offset += 1
            if offset < text.count, text[offset] == UInt8(ascii: "+") || text[offset] == UInt8(ascii: "-") {
                offset += 1
            }
            exponent = skipDigits(in: text)
            guard exponent > 0 else { throw .invalidNumber }
        }
        guard offset - start <= JSONReader.maximumNumberLength else { throw .invalidNumber }
        // Up to 64 digits with an exponent of two are finite in any case.
        if exponent > 2 {
            let value = Double(String(lossy: text.extracting(start..<offset)))
            guard value?.isFinite == true else { throw .invalidNumber }
        }
        return offset == integerEnd
    }

    /// Moves over digits, and tells how many there were: all, or one more than a number may have.
    private mutating func skipDigits(in text: borrowing Span<UInt8>) -> Int {
        let start = offset
        let end = min(text.count, start + JSONReader.maximumNumberLength + 1)
        while offset < end, ASCII.isDigit(text[offset]) { offset += 1 }
        return offset - start
    }

    /// Moves over the string at `offset`, and tells whether it has escapes.
    mutating func skipString(in text: borrowing Span<UInt8>) throws(EnvelopeViolation) -> Bool {
        let end = try JSONString.end(in: text, from: offset + 1)
        offset = end.offset
        return end.hasEscapes
    }

    private static func isWhitespace(_ byte: UInt8) -> Bool {
        byte == ASCII.space || byte == ASCII.lineFeed || byte == ASCII.carriageReturn || byte == ASCII.tab
    }
}
