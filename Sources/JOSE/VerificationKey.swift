// One key of a key set, and what it may be used for.

internal import Bytes
internal import JSON
public import OpenSSL

/// A public key of an issuer; immutable, for use on any number of threads at once.
public final class VerificationKey: Sendable {
    /// The key's name in its set, nil if it has none.
    public let keyID: String?

    /// The only algorithm that the key is for, nil if any that fits its kind.
    public let algorithm: SignatureAlgorithm?

    /// SHA-256 thumbprint (RFC 7638): stays the same when the set is fetched again.
    public let thumbprint: Digest256

    private let publicKey: PublicKey

    /// Longest `kid` in bytes.
    public static let maximumKeyIDLength = 1024

    /// Takes the key from a JWK (RFC 7517 §4). `x5c`, `x5u` and private members are not looked at.
    init(_ jwk: JSONObject) throws(KeyRefusal) {
        let material = try PublicKeyMaterial(jwk)
        try Self.checkUse(jwk)
        algorithm = try Self.algorithm(jwk, for: material.kind)
        keyID = try Self.keyID(jwk)
        do { publicKey = try PublicKey(material) } catch { throw KeyRefusal(error) }
        thumbprint = material.thumbprint
    }

    /// What kind of key this is.
    public var kind: KeyKind { publicKey.kind }

    /// Whether the key may verify signatures of `algorithm`: its kind and curve are right, and its own `alg`,
    /// if it has one, is the same.
    public func fits(_ algorithm: SignatureAlgorithm) -> Bool {
        algorithm.fits(kind) && (self.algorithm ?? algorithm) == algorithm
    }

    /// Whether the signature of `jws` is this key's, made by `algorithm`.
    public func verifies(_ jws: CompactJWS, by algorithm: SignatureAlgorithm) -> Bool {
        fits(algorithm)
            && publicKey.verifies(jws.signature.span, of: jws.signingInput.span, by: algorithm.scheme)
    }

    /// Whether `other` stands for the same key under the same name, for the same algorithms.
    public func isSame(as other: VerificationKey) -> Bool {
        thumbprint == other.thumbprint && algorithm == other.algorithm && isNamed(other.keyID)
    }

    /// Whether the key's name is `keyID`, byte for byte.
    func isNamed(_ keyID: String?) -> Bool {
        guard let own = self.keyID, let keyID else { return self.keyID == nil && keyID == nil }
        return own.isIdentical(to: keyID)
    }

    private static func checkUse(_ jwk: JSONObject) throws(KeyRefusal) {
        if let use = jwk["use"], use.string != "sig" { throw KeyRefusal(.notForSignatures) }
        guard let operations = jwk["key_ops"] else { return }
        guard let names = operations.strings else { throw KeyRefusal(.memberInvalid, "key_ops") }
        guard names.contains("verify") else { throw KeyRefusal(.notForVerification) }
    }

    private static func algorithm(
        _ jwk: JSONObject,
        for kind: KeyKind
    ) throws(KeyRefusal) -> SignatureAlgorithm? {
        guard let member = jwk["alg"] else { return nil }
        guard let name = member.string else { throw KeyRefusal(.memberInvalid, "alg") }
        guard let algorithm = SignatureAlgorithm(rawValue: name) else {
            throw KeyRefusal(.unsupportedAlgorithm)
        }
        guard algorithm.fits(kind) else { throw KeyRefusal(.algorithmMismatch) }
        return algorithm
    }

    private static func keyID(_ jwk: JSONObject) throws(KeyRefusal) -> String? {
        guard let member = jwk["kid"] else { return nil }
        guard let keyID = member.string, keyID.utf8.count <= maximumKeyIDLength else {
            throw KeyRefusal(.memberInvalid, "kid")
        }
        return keyID
    }
}
