// A token as presented: well formed, and nothing about it is true yet.

public import JSON

/// A JWT (RFC 7519) in the form of a compact JWS, of which nothing is verified.
public struct UnverifiedToken: Sendable {
    /// The signed text.
    public let jws: CompactJWS

    /// The claims as written. For choosing the issuer's rules and for messages, never for a decision.
    public let claims: JSONObject

    /// Reads a token.
    ///
    /// - Throws: A refusal of the form, or of the header.
    public init(_ text: Span<UInt8>) throws(TokenRefusal) {
        let jws = try CompactJWS(text)
        guard let claims = JSONObject(tokenPart: jws.payload.span) else {
            throw TokenRefusal(.tokenMalformed)
        }
        self.jws = jws
        self.claims = claims
    }

    /// The header.
    public var header: JOSEHeader { jws.header }

    /// `iss` as written, nil if it is no string.
    public var issuer: String? { claims["iss"]?.string }
}
