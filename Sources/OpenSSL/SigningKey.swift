// A private key made here, which signs and never leaves.

internal import COpenSSL

/// A private key; immutable, for use on any number of threads at once.
///
/// `@unchecked Sendable`: the library's key is never changed after `init`, and OpenSSL counts its references
/// and caches behind its own locks.
public final class SigningKey: @unchecked Sendable {
    /// The public half.
    public let publicMaterial: PublicKeyMaterial

    private let key: Owned

    /// Makes a new random key; an RSA key has 2048 bits.
    public init(generating kind: KeyKind) throws(OpenSSLError) {
        ERR_clear_error()
        guard let key = Owned.randomKey(kind), let material = key.publicMaterial(kind) else {
            throw OpenSSLError()
        }
        self.key = key
        publicMaterial = material
    }

    /// Signs `message`.
    ///
    /// - Returns: The signature in the form that `PublicKey.verifies(_:of:by:)` reads.
    /// - Throws: When the key cannot use `scheme`, or the library fails.
    public func signature(
        of message: Span<UInt8>,
        by scheme: SignatureScheme
    ) throws(OpenSSLError) -> [UInt8] {
        ERR_clear_error()
        guard scheme.fits(publicMaterial.kind), let signature = encodedSignature(of: message, by: scheme)
        else {
            throw OpenSSLError()
        }
        guard case .ellipticCurve(let curve, _, _) = publicMaterial else { return signature }
        guard
            let fixed = ECDSASignature.decodeDER(signature.span, coordinateLength: curve.coordinateLength)
        else { throw OpenSSLError() }
        return fixed
    }

    /// The signature in the form that the library writes.
    private func encodedSignature(of message: Span<UInt8>, by scheme: SignatureScheme) -> [UInt8]? {
        guard let state = unsafe Owned(EVP_MD_CTX_new(), freedBy: EVP_MD_CTX_free) else { return nil }
        // `parameters` belongs to `state`; the library writes at most `length` bytes, and says how many.
        var parameters: OpaquePointer?
        var length = Int(unsafe EVP_PKEY_get_size(key.pointer))
        var signature = [UInt8](repeating: 0, count: length)
        let isDone =
            unsafe EVP_DigestSignInit_ex(
                state.pointer,
                &parameters,
                scheme.hash?.rawValue,
                nil,
                nil,
                key.pointer,
                nil
            ) == 1 && scheme.setPadding(parameters)
            && message.withUnsafeBufferPointer { message in
                unsafe EVP_DigestSign(state.pointer, &signature, &length, message.baseAddress, message.count)
                    == 1
            }
        return isDone ? Array(signature.prefix(length)) : nil
    }
}
