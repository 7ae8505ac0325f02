// The value of a mirrored field, as it stands or in base64 (MCP 2026-07-28, "Value Encoding").

internal import Bytes

/// Compares values of `Mcp-Name` with strings of the body.
enum MirroredValue {
    private static let opening: StaticString = "=?base64?"
    private static let closing: StaticString = "?="

    /// Where the base64 text stands in `value`, nil if the value is to be taken as it stands.
    private static func encodedRange(_ value: borrowing Span<UInt8>) -> Range<Int>? {
        let start = opening.utf8CodeUnitCount
        let end = value.count - closing.utf8CodeUnitCount
        guard start <= end, value.extracting(0..<start).equals(opening),
            value.extracting(end..<value.count).equals(closing)
        else { return nil }
        return start..<end
    }

    /// Calls `use` with the octets that `value` says; nil if it is no value that a client may send: octets that are
    /// not visible ASCII or blanks, base64 that is not in its one canonical form, or content that is not UTF-8.
    static func withOctets<Result>(
        of value: borrowing Span<UInt8>,
        _ use: (borrowing Span<UInt8>) -> Result
    ) -> Result? {
        guard isPlain(value) else { return nil }
        guard let range = encodedRange(value) else { return use(value) }
        guard let octets = decode(value.extracting(range)), String(validating: octets.span) != nil else {
            return nil
        }
        return use(octets.span)
    }

    /// Whether `value` is visible ASCII and blanks: everything else has to be encoded.
    static func isPlain(_ value: borrowing Span<UInt8>) -> Bool {
        for index in value.indices where value[index] < 0x20 || value[index] >= 0x7F { return false }
        return true
    }

    /// The octets that `text` encodes in base64 with padding (RFC 4648 §4), nil if it is not canonical.
    private static func decode(_ text: borrowing Span<UInt8>) -> [UInt8]? {
        guard text.count % 4 == 0 else { return nil }
        var octets: [UInt8] = []
        octets.reserveCapacity(text.count / 4 * 3)
        var padding = 0
        if text.count >= 4, text[text.count - 1] == pad { padding = text[text.count - 2] == pad ? 2 : 1 }
        var bits: UInt32 = 0
        var held: UInt32 = 0
        for index in 0..<(text.count - padding) {
            guard let value = value(of: text[index]) else { return nil }
            bits = bits << 6 | value
            held += 6
            guard held >= 8 else { continue }
            held -= 8
            octets.append(UInt8(truncatingIfNeeded: bits >> held))
        }
        return bits & (1 << held - 1) == 0 ? octets : nil
    }

    private static let pad = UInt8(ascii: "=")

    private static func value(of character: UInt8) -> UInt32? {
        switch character {
        case UInt8(ascii: "A")...UInt8(ascii: "Z"): UInt32(character - UInt8(ascii: "A"))
        case UInt8(ascii: "a")...UInt8(ascii: "z"): UInt32(character - UInt8(ascii: "a")) + 26
        case UInt8(ascii: "0")...UInt8(ascii: "9"): UInt32(character - UInt8(ascii: "0")) + 52
        case UInt8(ascii: "+"): 62
        case UInt8(ascii: "/"): 63
        default: nil
        }
    }
}
