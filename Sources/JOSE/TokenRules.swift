// What an issuer's tokens must be like.

internal import Bytes
internal import JSON

/// Which kinds of tokens count as access tokens.
public enum TokenType: Sendable {
    /// RFC 9068: `typ` is `at+jwt`, and all claims that the RFC requires are there.
    case accessToken
    /// As well `typ` `JWT` or none; then a claim must mark an access token, and none another kind of token.
    case any
}

/// The rules for the tokens of one issuer.
public struct TokenRules: Sendable, Equatable {
    /// The exact `iss`.
    public let issuer: String
    /// The algorithms that the issuer may sign with.
    public let algorithms: Set<SignatureAlgorithm>
    /// Which kinds of tokens are accepted.
    public let tokenType: TokenType
    /// Seconds that clocks may differ, for `exp`, `nbf` and `iat`.
    public let clockSkew: Int64
    /// Longest `exp - iat` in seconds, nil for any.
    public let maximumLifetime: Int64?

    /// Largest `clockSkew` in seconds.
    public static let maximumClockSkew: Int64 = 300

    /// The algorithms of an issuer for which none are configured.
    public static let defaultAlgorithms: Set<SignatureAlgorithm> = [.rs256, .ps256, .es256, .eddsa, .ed25519]

    /// Makes the rules; a skew outside 0 to `maximumClockSkew` counts as the nearest bound.
    public init(
        issuer: String,
        algorithms: Set<SignatureAlgorithm> = defaultAlgorithms,
        tokenType: TokenType = .any,
        clockSkew: Int64 = 30,
        maximumLifetime: Int64? = nil
    ) {
        self.issuer = issuer
        self.algorithms = algorithms
        self.tokenType = tokenType
        self.clockSkew = min(max(clockSkew, 0), Self.maximumClockSkew)
        self.maximumLifetime = maximumLifetime
    }

    /// Claims that a token must have besides `iss`, `exp` and `aud`.
    public var requiredClaims: [String] {
        let lifetime = maximumLifetime == nil ? [] : ["iat"]
        return switch tokenType {
        case .accessToken: ["sub", "client_id", "iat", "jti"]
        case .any: lifetime
        }
    }

    /// Claims of which an access token has one at least.
    private static let marks = ["client_id", "azp", "scope", "scp"]

    /// Claims of ID tokens (OpenID Connect Core §2, §3.3.2.11), of logout and other security event tokens
    /// (RFC 8417 §2.2), of introspection answers (RFC 9701 §5) and of DPoP proofs (RFC 9449 §4.2).
    private static let foreign = [
        "nonce", "at_hash", "c_hash", "s_hash", "events", "token_introspection", "htm", "htu",
    ]

    /// Checks that a token is an access token by its `typ`, or where that does not tell by its claims.
    func checkType(of token: UnverifiedToken) throws(TokenRefusal) {
        let type = token.header.type
        if let type, Self.isMediaType(type, "at+jwt") { return }
        guard tokenType == .any, type.map({ Self.isMediaType($0, "jwt") }) ?? true else {
            throw TokenRefusal(.typeNotAllowed)
        }
        guard Self.marks.contains(where: { token.claims[$0] != nil }) else {
            throw TokenRefusal(.notAccessToken)
        }
        if let name = Self.foreign.first(where: { token.claims[$0] != nil }) {
            throw TokenRefusal(.notAccessToken, name)
        }
        // Keycloak gives all its tokens the header type `JWT` and says in a claim which kind they are.
        if let kind = token.claims["typ"]?.string, !["Bearer", "at+jwt"].contains(kind) {
            throw TokenRefusal(.notAccessToken, "typ")
        }
    }

    /// Whether `type` is `application/` and `subtype`, or `subtype` alone, in any case (RFC 7515 §4.1.9).
    private static func isMediaType(_ type: String, _ subtype: StaticString) -> Bool {
        let bytes = type.octets.span
        let prefix: StaticString = "application/"
        let hasPrefix = bytes.startsIgnoringCase(with: prefix)
        return bytes.extracting((hasPrefix ? prefix.utf8CodeUnitCount : 0)...).equalsIgnoringCase(subtype)
    }
}
