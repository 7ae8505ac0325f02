// A public key that checks signatures.

internal import COpenSSL
internal import Synchronization

/// Why numbers do not make a usable public key.
public enum PublicKeyError: Error, Equatable, Sendable {
    /// RSA: the modulus is shorter than `PublicKey.minimumModulusBits`.
    case modulusTooShort
    /// RSA: the modulus is longer than `PublicKey.maximumModulusBits`.
    case modulusTooLong
    /// RSA: the modulus is even.
    case modulusInvalid
    /// RSA: the exponent is even, below 3 or above 32 bits.
    case exponentInvalid
    /// A coordinate or encoded point is not exactly as long as its curve demands.
    case lengthInvalid
    /// The coordinates are no point of the curve, or the library refused the numbers for another reason.
    case pointInvalid
}

/// A public key; immutable, for use on any number of threads at once.
///
/// `@unchecked Sendable`: the library's key is never changed after `init`, and OpenSSL counts its references
/// and caches behind its own locks; the prepared state has a lock of its own.
public final class PublicKey: @unchecked Sendable {
    /// Shortest RSA modulus accepted (RFC 7518 §3.3).
    public static let minimumModulusBits = 2048

    /// Longest RSA modulus accepted: above it a check costs more than a token is worth.
    public static let maximumModulusBits = 8192

    /// What kind of key this is.
    public let kind: KeyKind

    /// Exact number of bytes of a signature by this key.
    public let signatureLength: Int

    private let key: Owned

    /// The state for the scheme that was asked for last, which is the only one of most keys.
    private let prepared = Mutex<PreparedVerification?>(nil)

    /// Makes the key, and checks its size and that a point is on its curve.
    public init(_ material: PublicKeyMaterial) throws(PublicKeyError) {
        ERR_clear_error()
        kind = material.kind
        switch material {
        case .rsa(let modulus, let exponent):
            let numbers = try RSANumbers(modulus: modulus, exponent: exponent)
            signatureLength = numbers.modulus.count
            guard let key = Owned.rsaKey(numbers) else { throw .modulusInvalid }
            self.key = key
        case .ellipticCurve(let curve, let x, let y):
            guard x.count == curve.coordinateLength, y.count == curve.coordinateLength else {
                throw .lengthInvalid
            }
            signatureLength = 2 * curve.coordinateLength
            guard let key = Owned.ellipticCurveKey(curve, point: [0x04] + x + y) else { throw .pointInvalid }
            self.key = key
        case .edwards(let curve, let x):
            guard x.count == curve.keyLength else { throw .lengthInvalid }
            signatureLength = 2 * curve.keyLength
            guard let key = Owned.edwardsKey(curve, point: x) else { throw .pointInvalid }
            self.key = key
        }
    }

    /// Whether `signature` is this key's signature of `message`.
    ///
    /// False as well for a scheme that the key cannot use and for a signature of any other length than
    /// `signatureLength`.
    public func verifies(
        _ signature: Span<UInt8>,
        of message: Span<UInt8>,
        by scheme: SignatureScheme
    ) -> Bool {
        guard scheme.fits(kind), signature.count == signatureLength else { return false }
        guard case .ecdsa = scheme else { return verifies(encoded: signature, of: message, by: scheme) }
        return verifies(encoded: ECDSASignature.encodeDER(signature).span, of: message, by: scheme)
    }

    /// A state for one verification by `scheme`, nil if the key cannot be used with it.
    private func state(for scheme: SignatureScheme) -> Owned? {
        prepared.withLock { prepared in
            if prepared?.scheme != scheme { prepared = PreparedVerification(key, by: scheme) }
            return prepared?.copy()
        }
    }

    /// Checks a signature in the form that the library reads.
    private func verifies(
        encoded signature: Span<UInt8>,
        of message: Span<UInt8>,
        by scheme: SignatureScheme
    ) -> Bool {
        ERR_clear_error()
        guard let state = state(for: scheme) else { return false }
        // The spans live through the call.
        return unsafe signature.withUnsafeBufferPointer { signature in
            unsafe message.withUnsafeBufferPointer { message in
                unsafe EVP_DigestVerify(
                    state.pointer,
                    signature.baseAddress,
                    signature.count,
                    message.baseAddress,
                    message.count
                ) == 1
            }
        }
    }
}

/// A state that was set up for verifying: to copy it costs less than to look the algorithms up again.
private struct PreparedVerification: ~Copyable {
    let scheme: SignatureScheme
    private let state: Owned

    init?(_ key: borrowing Owned, by scheme: SignatureScheme) {
        guard let state = unsafe Owned(EVP_MD_CTX_new(), freedBy: EVP_MD_CTX_free) else { return nil }
        // `parameters` belongs to `state`, which outlives every use of it here.
        var parameters: OpaquePointer?
        guard
            unsafe EVP_DigestVerifyInit_ex(
                state.pointer,
                &parameters,
                scheme.hash?.rawValue,
                nil,
                nil,
                key.pointer,
                nil
            ) == 1, unsafe scheme.setPadding(parameters)
        else { return nil }
        self.scheme = scheme
        self.state = state
    }

    /// A state for one verification.
    func copy() -> Owned? {
        guard let copy = unsafe Owned(EVP_MD_CTX_new(), freedBy: EVP_MD_CTX_free),
            unsafe EVP_MD_CTX_copy_ex(copy.pointer, state.pointer) == 1
        else { return nil }
        return copy
    }
}

extension SignatureScheme {
    /// Chooses the padding of RSA in a state that was set up for signing or verifying; nothing to do for others.
    func setPadding(_ parameters: OpaquePointer?) -> Bool {
        guard isPSS else { return true }
        return unsafe EVP_PKEY_CTX_set_rsa_padding(parameters, RSA_PKCS1_PSS_PADDING) == 1
            && EVP_PKEY_CTX_set_rsa_pss_saltlen(parameters, RSA_PSS_SALTLEN_DIGEST) == 1
    }
}
