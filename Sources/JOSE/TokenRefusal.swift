// Why a token is not accepted: one stable code and one public sentence for each reason.

/// A refusal of a token.
public struct TokenRefusal: Error, Equatable, Sendable {
    /// What is wrong; the raw value is the stable reason code of logs and metrics.
    public enum Reason: String, CaseIterable, Sendable {
        /// Longer than `CompactJWS.maximumLength`.
        case tokenTooLarge = "token_too_large"
        /// Five parts: an encrypted token (RFC 7516).
        case tokenEncrypted = "token_encrypted"
        /// Not three parts of strict base64url, or a part that must be a JSON object is none.
        case tokenMalformed = "token_malformed"
        /// A header parameter is missing or has the wrong type.
        case headerInvalid = "header_invalid"
        /// A header parameter that no token may have.
        case headerNotAllowed = "header_not_allowed"
        /// The header has `crit`: no extension is understood (RFC 7515 §4.1.11).
        case criticalHeader = "critical_header"
        /// `typ` is not the type of an access token.
        case typeNotAllowed = "type_not_allowed"
        /// The claims are those of another kind of token, or none marks an access token.
        case notAccessToken = "not_access_token"
        /// `iss` is not the expected issuer.
        case issuerMismatch = "issuer_mismatch"
        /// `alg` is not among the issuer's algorithms.
        case algorithmNotAllowed = "algorithm_not_allowed"
        /// The key set has no key of this `kid`, or without `kid` none that fits.
        case unknownKey = "unknown_key"
        /// The key of this `kid` is not for this `alg`.
        case algorithmKeyMismatch = "algorithm_key_mismatch"
        /// No `kid`, and several keys fit.
        case ambiguousKey = "ambiguous_key"
        /// The signature is not the key's.
        case signatureInvalid = "signature_invalid"
        /// A claim that must be there is not.
        case claimMissing = "claim_missing"
        /// A claim has the wrong type or is out of bounds.
        case claimInvalid = "claim_invalid"
        /// `exp` is past.
        case expired = "expired"
        /// `nbf` is to come.
        case notYetValid = "not_yet_valid"
        /// `iat` is to come.
        case issuedInFuture = "issued_in_future"
        /// `exp - iat` is more than the issuer's tokens may live.
        case lifetimeTooLong = "lifetime_too_long"
    }

    /// What is wrong.
    public let reason: Reason

    /// The header parameter or claim that is wrong, where `reason` does not say it.
    public let name: String?

    /// Makes a refusal.
    public init(_ reason: Reason, _ name: String? = nil) {
        self.reason = reason
        self.name = name
    }

    /// The stable reason code.
    public var code: String { reason.rawValue }

    /// The class of the problem in one short sentence, fit for `error_description` (RFC 6750 §3).
    public var sentence: String {
        switch reason {
        case .tokenTooLarge: "The token is too large"
        case .tokenEncrypted: "Encrypted tokens are not accepted"
        case .tokenMalformed: "The token is malformed"
        case .headerInvalid, .headerNotAllowed, .criticalHeader: "The header of the token is not acceptable"
        case .typeNotAllowed, .notAccessToken: "The token is not an access token"
        case .issuerMismatch: "The token is from another issuer"
        case .algorithmNotAllowed: "The signature algorithm of the token is not accepted"
        case .unknownKey, .algorithmKeyMismatch, .ambiguousKey: "The token is signed with an unknown key"
        case .signatureInvalid: "The signature of the token is wrong"
        case .claimMissing, .claimInvalid: "The claims of the token are not acceptable"
        case .expired: "The token has expired"
        case .notYetValid, .issuedInFuture: "The token is not valid yet"
        case .lifetimeTooLong: "The token lives too long"
        }
    }
}
