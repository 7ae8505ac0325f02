// The strings of a JSON text: where one ends, and what it says (RFC 8259 §7, RFC 3629).

internal import Bytes

/// Looks at strings, eight octets at a time where nothing special stands in them.
enum JSONString {
    /// Where a string ends.
    struct End {
        /// Behind the closing quote.
        let offset: Int
        /// Whether something in the string is escaped.
        let hasEscapes: Bool
    }

    /// Finds the end of the string whose first octet is at `start`, and checks each octet of it.
    static func end(in text: borrowing Span<UInt8>, from start: Int) throws(EnvelopeViolation) -> End {
        var index = start
        var hasEscapes = false
        while true {
            index = plainEnd(in: text, from: index)
            guard index < text.count else { throw .unexpectedEnd }
            let byte = text[index]
            switch byte {
            case UInt8(ascii: "\""): return End(offset: index + 1, hasEscapes: hasEscapes)
            case UInt8(ascii: "\\"):
                hasEscapes = true
                index = try escape(in: text, at: index).end
            case 0x80...:
                repeat {
                    index = try sequenceEnd(in: text, at: index)
                } while index < text.count && text[index] >= 0x80
            default: throw .controlCharacter
            }
        }
    }

    /// Where the first octet at or behind `start` stands that is not plain: a quote, a backslash, a control
    /// character, or not ASCII.
    private static func plainEnd(in text: borrowing Span<UInt8>, from start: Int) -> Int {
        var index = start
        let count = text.count
        let octets = unsafe text.bytes
        while index <= count - 8 {
            // The load stays inside of the text, and any eight octets are a number.
            let loaded = unsafe octets.unsafeLoadUnaligned(fromByteOffset: index, as: UInt64.self)
            let marks = specialMarks(UInt64(littleEndian: loaded))
            guard marks == 0 else { return index + marks.trailingZeroBitCount / 8 }
            index += 8
        }
        while index < count, isPlain(text[index]) { index += 1 }
        return index
    }

    private static func isPlain(_ byte: UInt8) -> Bool {
        byte >= 0x20 && byte < 0x80 && byte != UInt8(ascii: "\"") && byte != UInt8(ascii: "\\")
    }

    /// The highest bit of each octet of `word` that is not plain. Octets above the first such may be marked in error, as
    /// the subtractions borrow from them; the lowest mark is always right.
    private static func specialMarks(_ word: UInt64) -> UInt64 {
        let ones: UInt64 = 0x0101_0101_0101_0101
        let highs: UInt64 = 0x8080_8080_8080_8080
        let quotes = word ^ (ones &* UInt64(UInt8(ascii: "\"")))
        let backslashes = word ^ (ones &* UInt64(UInt8(ascii: "\\")))
        let below = (word &- ones &* 0x20) | (quotes &- ones) | (backslashes &- ones)
        return (below | word) & highs
    }

    /// An escape: the character that it stands for, and where it ends.
    struct Escape {
        let scalar: Unicode.Scalar
        let end: Int
    }

    /// Reads the escape whose backslash is at `index`.
    static func escape(in text: borrowing Span<UInt8>, at index: Int) throws(EnvelopeViolation) -> Escape {
        guard index + 1 < text.count else { throw .unexpectedEnd }
        let byte = text[index + 1]
        let scalar: Unicode.Scalar
        switch byte {
        case UInt8(ascii: "\""), UInt8(ascii: "\\"), UInt8(ascii: "/"): scalar = Unicode.Scalar(byte)
        case UInt8(ascii: "b"): scalar = "\u{08}"
        case UInt8(ascii: "f"): scalar = "\u{0C}"
        case UInt8(ascii: "n"): scalar = "\n"
        case UInt8(ascii: "r"): scalar = "\r"
        case UInt8(ascii: "t"): scalar = "\t"
        case UInt8(ascii: "u"): return try unicodeEscape(in: text, at: index)
        default: throw .invalidEscape
        }
        return Escape(scalar: scalar, end: index + 2)
    }

    /// Reads the escape `\u` at `index`, with the second half of a surrogate pair.
    private static func unicodeEscape(
        in text: borrowing Span<UInt8>,
        at index: Int
    ) throws(EnvelopeViolation) -> Escape {
        let unit = try hexadecimal(in: text, at: index + 2)
        if let scalar = Unicode.Scalar(unit) { return Escape(scalar: scalar, end: index + 6) }
        guard UTF16.isLeadSurrogate(unit), index + 8 <= text.count, text[index + 6] == UInt8(ascii: "\\"),
            text[index + 7] == UInt8(ascii: "u")
        else { throw .invalidText }
        let trail = try hexadecimal(in: text, at: index + 8)
        let value = 0x1_0000 + (UInt32(unit & 0x3FF) << 10 | UInt32(trail & 0x3FF))
        guard UTF16.isTrailSurrogate(trail), let scalar = Unicode.Scalar(value) else { throw .invalidText }
        return Escape(scalar: scalar, end: index + 12)
    }

    private static func hexadecimal(
        in text: borrowing Span<UInt8>,
        at index: Int
    ) throws(EnvelopeViolation) -> UInt16 {
        guard index + 4 <= text.count else { throw .unexpectedEnd }
        var value: UInt16 = 0
        for place in index..<(index + 4) {
            guard let digit = ASCII.hexValue(text[place]) else { throw .invalidEscape }
            value = value << 4 | UInt16(digit)
        }
        return value
    }

    /// Where the character ends whose first octet, not ASCII, is at `index` (RFC 3629 §4).
    private static func sequenceEnd(in text: borrowing Span<UInt8>, at index: Int) throws(EnvelopeViolation)
        -> Int
    {
        let first = text[index]
        var second: ClosedRange<UInt8> = 0x80...0xBF
        let end: Int
        switch first {
        case 0xC2...0xDF: end = index + 2
        case 0xE0...0xEF:
            // No longer form of what two octets say, and no surrogates.
            if first == 0xE0 { second = 0xA0...0xBF }
            if first == 0xED { second = 0x80...0x9F }
            end = index + 3
        case 0xF0...0xF4:
            // No longer form of what three octets say, and nothing above U+10FFFF.
            if first == 0xF0 { second = 0x90...0xBF }
            if first == 0xF4 { second = 0x80...0x8F }
            end = index + 4
        default: throw .invalidText
        }
        guard end <= text.count, second.contains(text[index + 1]) else { throw .invalidText }
        var place = index + 2
        while place < end {
            guard text[place] & 0xC0 == 0x80 else { throw .invalidText }
            place += 1
        }
        return end
    }
}
