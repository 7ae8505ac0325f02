// A token of which signature, issuer, type and time hold. Whom it is for is policy's to decide.

/// A verified access token; a copy costs one reference. Only a complete `TokenExamination` makes one.
public struct VerifiedToken: Sendable {
    private let claims: Claims

    /// The key that verified the signature: a token ends when its key leaves the key set.
    public let key: VerificationKey

    /// Boxes the claims, so that they are copied by reference.
    private final class Claims: Sendable {
        let values: TokenClaims

        init(_ values: TokenClaims) {
            self.values = values
        }
    }

    /// Seconds since 1970 from which the token counts no more: `exp`, and the tolerance of its issuer.
    public let end: Int64

    /// Seconds since 1970 before which the token does not count: the later of `nbf` and `iat`, and the tolerance of its
    /// issuer. It was reached when the token was verified, but the clock may be set back.
    public let start: Int64

    fileprivate init(_ claims: TokenClaims, key: VerificationKey, clockSkew: Int64) {
        self.claims = Claims(claims)
        self.key = key
        end = claims.expiry + clockSkew
        start = max(claims.notBefore ?? .min + clockSkew, claims.issuedAt ?? .min + clockSkew) - clockSkew
    }

    /// `iss`.
    public var issuer: String { claims.values.issuer }

    /// `sub`, nil if absent.
    public var subject: String? { claims.values.subject }

    /// `client_id`, or else `azp`; nil if both are absent.
    public var clientID: String? { claims.values.clientID }

    /// `aud`: at least one, in the order of the token.
    public var audiences: [String] { claims.values.audiences }

    /// The names in `scope` and `scp`.
    public var scopes: [String] { claims.values.scopes }

    /// `exp` in seconds since 1970, rounded down.
    public var expiry: Int64 { claims.values.expiry }

    /// `nbf` in seconds since 1970, rounded up; nil if absent.
    public var notBefore: Int64? { claims.values.notBefore }

    /// `iat` in seconds since 1970, rounded up; nil if absent.
    public var issuedAt: Int64? { claims.values.issuedAt }

    /// `jti`, nil if absent.
    public var tokenID: String? { claims.values.tokenID }

    /// Whether the token has `cnf`: it is worth nothing without proof that the sender holds that key.
    public var isSenderConstrained: Bool { claims.values.isSenderConstrained }
}

extension TokenExamination {
    /// Ends the examination: the verified token, nil unless every step was performed and none refused it.
    public consuming func conclude() -> VerifiedToken? {
        guard isComplete, let claims, let key else { return nil }
        return VerifiedToken(claims, key: key, clockSkew: rules.clockSkew)
    }
}
