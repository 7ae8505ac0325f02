// Why a key of a key set is not used.

internal import OpenSSL

/// A refusal of one JWK; the rest of its set is used.
public struct KeyRefusal: Error, Equatable, Sendable {
    /// What is wrong; the raw value is the stable reason code.
    public enum Reason: String, CaseIterable, Sendable {
        /// The element of `keys` is not an object.
        case notAnObject = "not_an_object"
        /// A member is missing, has the wrong type or is not strict base64url.
        case memberInvalid = "member_invalid"
        /// `kty` is not `RSA`, `EC` or `OKP`.
        case unsupportedKeyType = "unsupported_key_type"
        /// `kty` is `oct`: a shared secret cannot prove who signed.
        case symmetricKey = "symmetric_key"
        /// `crv` is not a curve of an algorithm that audgate knows.
        case unsupportedCurve = "unsupported_curve"
        /// `alg` is not an algorithm that audgate knows.
        case unsupportedAlgorithm = "unsupported_algorithm"
        /// `alg` is for another kind of key or another curve.
        case algorithmMismatch = "algorithm_mismatch"
        /// `use` is not `sig`.
        case notForSignatures = "not_for_signatures"
        /// `key_ops` does not list `verify`.
        case notForVerification = "not_for_verification"
        /// An RSA modulus outside 2048 to 8192 bits, or one that is even.
        case weakModulus = "weak_modulus"
        /// An RSA exponent that is even, below 3 or above 32 bits.
        case weakExponent = "weak_exponent"
        /// A coordinate does not have the length that its curve demands.
        case lengthInvalid = "length_invalid"
        /// The point is not on its curve.
        case offCurve = "off_curve"
        /// An earlier key of the set has the same `kid` and is for the same tokens.
        case duplicateKeyID = "duplicate_key_id"
    }

    /// What is wrong.
    public let reason: Reason

    /// The member of the JWK that is wrong, where `reason` does not say it.
    public let name: String?

    init(_ reason: Reason, _ name: String? = nil) {
        self.reason = reason
        self.name = name
    }

    init(_ error: PublicKeyError) {
        name = nil
        reason =
            switch error {
            case .modulusTooShort, .modulusTooLong, .modulusInvalid: .weakModulus
            case .exponentInvalid: .weakExponent
            case .lengthInvalid: .lengthInvalid
            case .pointInvalid: .offCurve
            }
    }
}
