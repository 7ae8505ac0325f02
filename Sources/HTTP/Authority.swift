// Host and port as `Host` and resource URIs name them.

internal import Bytes

/// The grammar of `uri-host [ ":" port ]` (RFC 9110 §7.2, RFC 3986 §3.2.2).
public enum Authority {
    /// Most bytes of a host with its port.
    public static let maximumLength = 262

    /// Whether `text` is a host with an optional port: a name, an IPv4 address or a bracketed IPv6 address.
    ///
    /// Percent-encoding and userinfo are refused, as no server on the web has them.
    public static func isValid(_ text: borrowing Span<UInt8>) -> Bool {
        guard !text.isEmpty, text.count <= maximumLength else { return false }
        let hostEnd = hostEnd(of: text)
        guard hostEnd > 0 else { return false }
        return hostEnd == text.count || isPort(text.extracting(hostEnd...))
    }

    /// Offset behind the host of `text`, 0 if it has none.
    public static func hostEnd(of text: borrowing Span<UInt8>) -> Int {
        guard !text.isEmpty else { return 0 }
        guard text[0] == UInt8(ascii: "[") else {
            var index = 0
            while index < text.count, isNameCharacter(text[index]) { index += 1 }
            return index
        }
        guard let close = text.firstIndex(of: UInt8(ascii: "]")), close >= 3 else { return 0 }
        for index in 1..<close where !isIPv6Character(text[index]) { return 0 }
        return close + 1
    }

    /// Whether `text` is a colon with a port of 1 to 65535 in plain decimal.
    private static func isPort(_ text: borrowing Span<UInt8>) -> Bool {
        guard text.count >= 2, text.count <= 6, text[0] == UInt8(ascii: ":"), text[1] != UInt8(ascii: "0")
        else { return false }
        var port = 0
        for index in 1..<text.count {
            guard ASCII.isDigit(text[index]) else { return false }
            port = port * 10 + Int(text[index] - UInt8(ascii: "0"))
        }
        return port <= 65535
    }

    private static func isNameCharacter(_ byte: UInt8) -> Bool {
        ASCII.isDigit(byte) || (ASCII.lowercased(byte) >= 0x61 && ASCII.lowercased(byte) <= 0x7A)
            || byte == UInt8(ascii: "-") || byte == UInt8(ascii: ".") || byte == UInt8(ascii: "_")
    }

    private static func isIPv6Character(_ byte: UInt8) -> Bool {
        ASCII.hexValue(byte) != nil || byte == UInt8(ascii: ":") || byte == UInt8(ascii: ".")
    }
}
