// base64url without padding, read strictly: one text for each byte string (RFC 4648 §5, RFC 7515 §2).

/// The encoding of JOSE. Padding, line breaks, the `+/` alphabet and non-zero trailing bits are refused.
public enum Base64URL {
    /// The bytes that `text` encodes, nil if it is not the one canonical encoding of any.
    public static func decode(_ text: borrowing Span<UInt8>) -> [UInt8]? {
        let rest = text.count % 4
        guard rest != 1 else { return nil }
        let whole = text.count - rest
        // Whether all characters were good is looked at once: of random ones no branch guesses the range.
        var seen: UInt8 = 0
        var trailing: UInt32 = 0
        let bytes = [UInt8](capacity: text.count * 3 / 4) { bytes in
            var index = 0
            while index < whole {
                var bits: UInt32 = 0
                for offset in 0..<4 {
                    let value = values[Int(text[index + offset])]
                    seen |= value
                    bits = bits << 6 | UInt32(value & 0x3F)
                }
                bytes.append(UInt8(truncatingIfNeeded: bits >> 16))
                bytes.append(UInt8(truncatingIfNeeded: bits >> 8))
                bytes.append(UInt8(truncatingIfNeeded: bits))
                index += 4
            }
            guard rest > 0 else { return }
            var bits: UInt32 = 0
            for index in whole..<text.count {
                let value = values[Int(text[index])]
                seen |= value
                bits = bits << 6 | UInt32(value & 0x3F)
            }
            // Two characters hold one byte and four bits, three hold two bytes and two bits.
            let unused = rest == 2 ? 4 : 2
            trailing = bits & (1 << UInt32(unused) - 1)
            bits >>= UInt32(unused)
            if rest == 3 { bytes.append(UInt8(truncatingIfNeeded: bits >> 8)) }
            bytes.append(UInt8(truncatingIfNeeded: bits))
        }
        return seen < notInAlphabet && trailing == 0 ? bytes : nil
    }

    /// The bytes that `text` encodes, nil if it is not the one canonical encoding of any.
    public static func decode(_ text: String) -> [UInt8]? {
        decode(text.octets.span)
    }

    /// `bytes` as text.
    public static func encode(_ bytes: borrowing Span<UInt8>) -> String {
        var text: [UInt8] = []
        text.reserveCapacity((bytes.count * 4 + 2) / 3)
        var bits: UInt32 = 0
        var held = 0
        for index in bytes.indices {
            bits = bits << 8 | UInt32(bytes[index])
            held += 8
            while held >= 6 {
                held -= 6
                text.append(character(of: UInt8(truncatingIfNeeded: bits >> UInt32(held)) & 0x3F))
            }
        }
        if held > 0 { text.append(character(of: UInt8(truncatingIfNeeded: bits << UInt32(6 - held)) & 0x3F)) }
        return String(lossy: text.span)
    }

    /// What stands in `values` for a character that is none of the alphabet; all others are less.
    private static let notInAlphabet: UInt8 = 0x80

    /// The value of each character.
    private static let values: [UInt8] = {
        var values = [UInt8](repeating: notInAlphabet, count: 256)
        for value in 0..<UInt8(64) { values[Int(character(of: value))] = value }
        return values
    }()

    private static func character(of value: UInt8) -> UInt8 {
        switch value {
        case 0..<26: UInt8(ascii: "A") + value
        case 26..<52: UInt8(ascii: "a") + value - 26
        case 52..<62: UInt8(ascii: "0") + value - 52
        case 62: UInt8(ascii: "-")
        default: UInt8(ascii: "_")
        }
    }
}
