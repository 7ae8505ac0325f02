// 32 bytes as a plain value: what SHA-256 and HMAC-SHA-256 give.

internal import Bytes

/// A digest or authentication code of 256 bits.
///
/// Two digests are compared in constant time, so a secret one may be compared with a presented one.
public struct Digest256: Hashable, Sendable {
    private let words: (UInt64, UInt64, UInt64, UInt64)

    /// Number of bytes.
    public static let byteCount = 32

    /// Takes the digest from its bytes; nil unless there are exactly 32.
    public init?(_ bytes: Span<UInt8>) {
        guard bytes.count == Self.byteCount else { return nil }
        words = (
            Self.word(bytes, at: 0), Self.word(bytes, at: 8), Self.word(bytes, at: 16),
            Self.word(bytes, at: 24)
        )
    }

    /// The bytes in order.
    public var bytes: [UInt8] {
        var bytes: [UInt8] = []
        bytes.reserveCapacity(Self.byteCount)
        for word in [words.0, words.1, words.2, words.3] {
            for shift in stride(from: UInt64(56), through: 0, by: -8) {
                bytes.append(UInt8(truncatingIfNeeded: word >> shift))
            }
        }
        return bytes
    }

    /// The first eight bytes as a number, for choosing a place in a table.
    public var prefix: UInt64 { words.0 }

    /// The bytes as 64 lower-case hexadecimal digits.
    public var hexadecimal: String {
        hexadecimal(first: Self.byteCount)
    }

    /// The first `count` bytes as lower-case hexadecimal digits.
    public func hexadecimal(first count: Int) -> String {
        let digits = [UInt8](capacity: 2 * count) { digits in
            for word in [words.0, words.1, words.2, words.3] {
                for shift in stride(from: UInt64(56), through: 0, by: -8) where digits.count < 2 * count {
                    let byte = UInt8(truncatingIfNeeded: word >> shift)
                    digits.append(ASCII.hexDigit(byte >> 4))
                    digits.append(ASCII.hexDigit(byte))
                }
            }
        }
        return String(lossy: digits.span)
    }

    /// Whether both digests are the same, in a time that does not depend on where they differ.
    public static func == (left: Digest256, right: Digest256) -> Bool {
        let difference =
            (left.words.0 ^ right.words.0) | (left.words.1 ^ right.words.1)
            | (left.words.2 ^ right.words.2) | (left.words.3 ^ right.words.3)
        return difference == 0
    }

    /// Feeds one word to `hasher`: any part of a digest is as good as the whole.
    public func hash(into hasher: inout Hasher) {
        hasher.combine(words.0)
    }

    private static func word(_ bytes: Span<UInt8>, at start: Int) -> UInt64 {
        var word: UInt64 = 0
        for index in start..<start + 8 { word = word << 8 | UInt64(bytes[index]) }
        return word
    }
}
