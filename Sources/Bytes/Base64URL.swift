// base64url without padding, read strictly: one text for each byte string (RFC 4648 §5, RFC 7515 §2).

/// The encoding of JOSE. Padding, line breaks, the `+/` alphabet and non-zero trailing bits are refused.
public enum Base64URL {
    /// The bytes that `text` encodes, nil if it is not the one canonical encoding of any.
    public static func decode(_ text: borrowing Span<UInt8>) -> [UInt8]? {
        guard text.count % 4 != 1 else { return nil }
        var bytes: [UInt8] = []
        bytes.reserveCapacity(text.count * 3 / 4)
        var bits: UInt32 = 0
        var held = 0
        for index in text.indices {
            guard let value = value(of: text[index]) else { return nil }
            bits = bits << 6 | UInt32(value)
            held += 6
            guard held >= 8 else { continue }
            held -= 8
            bytes.append(UInt8(truncatingIfNeeded: bits >> UInt32(held)))
        }
        let trailing = bits & ((1 << UInt32(held)) - 1)
        return trailing == 0 ? bytes : nil
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

    private static func value(of character: UInt8) -> UInt8? {
        switch character {
        case UInt8(ascii: "A")...UInt8(ascii: "Z"): character - UInt8(ascii: "A")
        case UInt8(ascii: "a")...UInt8(ascii: "z"): character - UInt8(ascii: "a") + 26
        case UInt8(ascii: "0")...UInt8(ascii: "9"): character - UInt8(ascii: "0") + 52
        case UInt8(ascii: "-"): 62
        case UInt8(ascii: "_"): 63
        default: nil
        }
    }

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
