// A signed text in three parts, taken apart and not yet verified.

internal import Bytes

/// The compact serialization of a JWS (RFC 7515 §7.1), read strictly.
public struct CompactJWS: Sendable {
    /// Longest text in bytes.
    public static let maximumLength = 16 * 1024

    /// The protected header.
    public let header: JOSEHeader

    /// What was signed, decoded.
    public let payload: [UInt8]

    /// The first two parts as written, over which the signature is made.
    let signingInput: [UInt8]

    let signature: [UInt8]

    /// Takes `text` apart.
    ///
    /// - Throws: `tokenTooLarge`, `tokenEncrypted`, `tokenMalformed`, or a refusal of the header.
    public init(_ text: Span<UInt8>) throws(TokenRefusal) {
        guard text.count <= Self.maximumLength else { throw TokenRefusal(.tokenTooLarge) }
        let dots = try Self.twoDots(text)
        guard let headerText = Base64URL.decode(text.extracting(..<dots.first)) else {
            throw TokenRefusal(.tokenMalformed)
        }
        header = try JOSEHeader(headerText.span)
        guard let payload = Base64URL.decode(text.extracting((dots.first + 1)..<dots.second)),
            let signature = Base64URL.decode(text.extracting((dots.second + 1)...))
        else { throw TokenRefusal(.tokenMalformed) }
        self.payload = payload
        self.signature = signature
        signingInput = [UInt8](copying: text.extracting(..<dots.second))
    }

    /// Places of the two dots of three parts; four dots would be a JWE (RFC 7516 §7.1).
    private static func twoDots(_ text: Span<UInt8>) throws(TokenRefusal) -> (first: Int, second: Int) {
        let dot = UInt8(ascii: ".")
        guard let first = text.firstIndex(of: dot), let second = text.firstIndex(of: dot, from: first + 1)
        else {
            throw TokenRefusal(.tokenMalformed)
        }
        guard let third = text.firstIndex(of: dot, from: second + 1) else { return (first, second) }
        let fourth = text.firstIndex(of: dot, from: third + 1)
        let fifth = fourth.flatMap { text.firstIndex(of: dot, from: $0 + 1) }
        throw TokenRefusal(fourth != nil && fifth == nil ? .tokenEncrypted : .tokenMalformed)
    }
}
