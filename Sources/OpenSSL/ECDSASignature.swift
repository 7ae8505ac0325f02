// The two forms of an ECDSA signature: JOSE's fixed halves and the DER that OpenSSL reads.

internal import Bytes

/// Turns `r || s` of RFC 7518 §3.4 into `SEQUENCE { INTEGER r, INTEGER s }` of RFC 3279 §2.2.3 and back.
enum ECDSASignature {
    /// The DER form of `signature`, whose two halves have the same length of at most 66 bytes.
    static func encodeDER(_ signature: Span<UInt8>) -> [UInt8] {
        let middle = signature.count / 2
        let body =
            integer(signature.extracting(..<middle)) + integer(signature.extracting(middle...))
        // A body has at most 2 * 69 bytes, so its length takes one octet, or two above 127.
        let length = UInt8(truncatingIfNeeded: body.count)
        return [0x30] + (length < 0x80 ? [length] : [0x81, length]) + body
    }

    /// The fixed form of `der` with halves of `coordinateLength` bytes, nil if it is not the DER of such numbers.
    static func decodeDER(_ der: Span<UInt8>, coordinateLength: Int) -> [UInt8]? {
        guard der.count >= 2, der[0] == 0x30 else { return nil }
        var offset = der[1] == 0x81 ? 3 : 2
        var signature: [UInt8] = []
        for _ in 0..<2 {
            guard der.count - offset >= 2, der[offset] == 0x02 else { return nil }
            let start = offset + 2
            let end = start + Int(der[offset + 1])
            guard end <= der.count else { return nil }
            let digits = withoutLeadingZeros(der.extracting(start..<end))
            guard digits.count <= coordinateLength else { return nil }
            signature += [UInt8](repeating: 0, count: coordinateLength - digits.count) + digits
            offset = end
        }
        return offset == der.count ? signature : nil
    }

    private static func integer(_ bytes: Span<UInt8>) -> [UInt8] {
        var digits = withoutLeadingZeros(bytes)
        if digits.first.map({ $0 & 0x80 != 0 }) ?? true { digits.insert(0, at: 0) }
        return [0x02, UInt8(truncatingIfNeeded: digits.count)] + digits
    }

    private static func withoutLeadingZeros(_ bytes: Span<UInt8>) -> [UInt8] {
        var start = 0
        while start < bytes.count, bytes[start] == 0 { start += 1 }
        return [UInt8](copying: bytes.extracting(start...))
    }
}
