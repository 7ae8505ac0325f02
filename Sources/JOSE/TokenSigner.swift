// Making signed tokens: for the development authorization server, and to try the verifier.

internal import Bytes
internal import JSON
public import OpenSSL

/// A private key that signs compact JWS under one algorithm and one name.
public final class TokenSigner: Sendable {
    /// The algorithm of every signature.
    public let algorithm: SignatureAlgorithm

    /// The `kid` of every token: the key's RFC 7638 thumbprint in base64url, unless another was given.
    public let keyID: String

    private let key: SigningKey

    /// Takes the key; nil if it is of another kind than the algorithm demands.
    public init?(key: SigningKey, algorithm: SignatureAlgorithm, keyID: String? = nil) {
        guard algorithm.fits(key.publicMaterial.kind) else { return nil }
        self.key = key
        self.algorithm = algorithm
        self.keyID = keyID ?? Base64URL.encode(key.publicMaterial.thumbprint.bytes.span)
    }

    /// Signs a payload.
    ///
    /// - Parameters:
    ///   - payload: The bytes to sign, for a token the JSON text of its claims.
    ///   - type: The header's `typ`, such as `at+jwt`.
    /// - Returns: The compact serialization.
    public func sign(_ payload: Span<UInt8>, type: String) throws(OpenSSLError) -> String {
        var writer = JSONWriter()
        writer.object { writer in
            writer.member("alg", algorithm.rawValue)
            writer.member("typ", type)
            writer.member("kid", keyID)
        }
        let header = writer.finish()
        return try sign(payload, header: header.span)
    }

    /// Signs a payload under a header of the caller's making, which is not checked: to try bad ones as well.
    public func sign(_ payload: Span<UInt8>, header: Span<UInt8>) throws(OpenSSLError) -> String {
        let input = Base64URL.encode(header) + "." + Base64URL.encode(payload)
        let signature = try key.signature(of: input.octets.span, by: algorithm.scheme)
        return input + "." + Base64URL.encode(signature.span)
    }

    /// The public key as the JSON text of a JWK, for the `keys` of a key set.
    public var publicJWK: String {
        var writer = JSONWriter()
        writer.object { writer in
            for member in key.publicMaterial.jwkMembers { writer.member(member.name, member.value) }
            writer.member("kid", keyID)
            writer.member("alg", algorithm.rawValue)
            writer.member("use", "sig")
        }
        let text = writer.finish()
        return String(lossy: text.span)
    }
}
