// Unguessable names out of bytes that the caller drew.

internal import Bytes

/// A supply of random bytes for one request.
struct RandomTokens {
    /// Bytes that one request may need at most: two tokens.
    static let byteCount = 2 * tokenByteCount

    /// Bytes in each token: 256 bits.
    private static let tokenByteCount = 32

    private var rest: ArraySlice<UInt8>

    /// Makes a supply of `bytes`, of which there must be `byteCount`.
    init(_ bytes: [UInt8]) {
        precondition(bytes.count >= Self.byteCount, "too few random bytes")
        rest = bytes[...]
    }

    /// The next token, as base64url text.
    mutating func next() -> String {
        precondition(rest.count >= Self.tokenByteCount, "a request takes two tokens at most")
        let token = Array(rest.prefix(Self.tokenByteCount))
        rest = rest.dropFirst(Self.tokenByteCount)
        return Base64URL.encode(token.span)
    }
}
