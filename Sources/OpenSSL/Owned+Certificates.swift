// Stacks of certificates, and what keys can be used for.

internal import COpenSSL

extension Owned {
    /// A new, empty stack of certificates.
    static func certificateStack() -> Owned? {
        unsafe Owned(audgate_certificates_new(), freedBy: audgate_certificates_free)
    }

    /// Whether the private half of the key that this is belongs to its public half.
    var isConsistent: Bool {
        guard let check = unsafe Owned(EVP_PKEY_CTX_new(pointer, nil), freedBy: EVP_PKEY_CTX_free) else {
            return false
        }
        return unsafe EVP_PKEY_pairwise_check(check.pointer) == 1
    }

    /// Whether handshakes here can sign with the key that this is.
    var isUsableInHandshakes: Bool {
        switch unsafe EVP_PKEY_get_base_id(pointer) {
        case EVP_PKEY_RSA, EVP_PKEY_ED25519: return true
        case EVP_PKEY_EC:
            var name = [CChar](repeating: 0, count: 64)
            var length = 0
            guard unsafe EVP_PKEY_get_group_name(pointer, &name, name.count, &length) == 1 else {
                return false
            }
            let group = name.prefix(length).map { UInt8(bitPattern: $0) }
            return [EllipticCurve.p256, .p384].contains { Array($0.rawValue.utf8) == group }
                || group == Array("prime256v1".utf8) || group == Array("secp384r1".utf8)
        default: return false
        }
    }

    /// SHA-256 of the DER of the certificate that this pointer is.
    @unsafe
    static func digest(ofCertificate certificate: OpaquePointer) -> [UInt8]? {
        var digest = [UInt8](repeating: 0, count: Digest256.byteCount)
        guard unsafe X509_digest(certificate, EVP_sha256(), &digest, nil) == 1 else { return nil }
        return digest
    }
}
