// Classes of octets that the HTTP and JSON grammars use, one table lookup each.

/// Octets as the protocols name them.
public enum ASCII {
    /// Horizontal tab.
    public static let tab: UInt8 = 0x09
    /// Line feed.
    public static let lineFeed: UInt8 = 0x0A
    /// Carriage return.
    public static let carriageReturn: UInt8 = 0x0D
    /// Space.
    public static let space: UInt8 = 0x20

    /// Whether `byte` is a `tchar` of RFC 9110 §5.6.2, as in field names and methods.
    @inlinable
    public static func isTokenCharacter(_ byte: UInt8) -> Bool {
        has(byte, in: (0x03FF_6CFA_0000_0000, 0x57FF_FFFF_C7FF_FFFE))
    }

    /// Whether `byte` may stand in a field value: visible, blank, tab, or `obs-text` (RFC 9110 §5.5).
    public static func isFieldValueCharacter(_ byte: UInt8) -> Bool {
        (byte >= 0x20 && byte != 0x7F) || byte == tab
    }

    /// Whether every byte of `text` may stand in a field value.
    public static func isFieldValue(_ text: borrowing Span<UInt8>) -> Bool {
        // No early exit and no bounds checks, so that the compiler reads sixteen bytes at a time.
        unsafe text.withUnsafeBufferPointer { bytes in
            var bad: UInt8 = 0
            for index in bytes.indices {
                let byte = unsafe bytes[index]
                bad |= (byte < 0x20 ? 1 : 0) & (byte == tab ? 0 : 1) | (byte == 0x7F ? 1 : 0)
            }
            return bad == 0
        }
    }

    /// Whether `byte` is `unreserved`, `sub-delims`, `:`, `@`, `/` or `%`: the octets of a path (RFC 3986 §3.3).
    public static func isPathCharacter(_ byte: UInt8) -> Bool {
        has(byte, in: (0x2FFF_FFF2_0000_0000, 0x47FF_FFFE_87FF_FFFF))
    }

    /// Whether `byte` may stand in a query: a path octet or `?` (RFC 3986 §3.4).
    public static func isQueryCharacter(_ byte: UInt8) -> Bool {
        isPathCharacter(byte) || byte == UInt8(ascii: "?")
    }

    /// Whether `byte` is `0` to `9`.
    public static func isDigit(_ byte: UInt8) -> Bool {
        byte &- UInt8(ascii: "0") < 10
    }

    /// Value of a hexadecimal digit of either case, nil for any other byte.
    public static func hexValue(_ byte: UInt8) -> UInt8? {
        if isDigit(byte) { return byte - UInt8(ascii: "0") }
        let letter = lowercased(byte)
        guard letter >= UInt8(ascii: "a"), letter <= UInt8(ascii: "f") else { return nil }
        return letter - UInt8(ascii: "a") + 10
    }

    /// Lower-case hexadecimal digit of `value`, which counts modulo 16.
    public static func hexDigit(_ value: UInt8) -> UInt8 {
        let digit = value & 0xF
        return digit < 10 ? UInt8(ascii: "0") + digit : UInt8(ascii: "a") + digit - 10
    }

    /// `byte` with `A` to `Z` turned into `a` to `z`.
    public static func lowercased(_ byte: UInt8) -> UInt8 {
        byte &- UInt8(ascii: "A") < 26 ? byte | 0x20 : byte
    }

    /// Looks `byte` up in a set of 128 bits: the octets 0 to 63, then 64 to 127.
    @inlinable
    static func has(_ byte: UInt8, in set: (UInt64, UInt64)) -> Bool {
        let half = byte & 0x40 == 0 ? set.0 : set.1
        return byte < 0x80 && (half >> UInt64(byte & 0x3F)) & 1 == 1
    }
}
