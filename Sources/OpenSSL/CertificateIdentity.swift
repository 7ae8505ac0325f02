// A certificate with its chain, its private key and its OCSP response.

internal import Bytes
internal import COpenSSL

/// Who one side of a handshake says it is; its parts are checked against each other.
///
/// `@unchecked Sendable`: the library's objects never change after `init`, and OpenSSL counts their references
/// and caches behind its own locks.
public final class CertificateIdentity: @unchecked Sendable {
    /// DNS names in lower case ("*." before the rest for a wildcard) and IP addresses of `subjectAltName`.
    /// A common name does not count (RFC 9525 §2).
    public let names: [String]

    /// The first second of validity, in Unix seconds.
    public let notBefore: Int64

    /// The last second of validity, in Unix seconds.
    public let notAfter: Int64

    /// When the OCSP response ends to be good, in Unix seconds; nil without one, or if it does not say. It is
    /// handed out after that as well: the owner knows the time, and makes the identity anew.
    public let stapleExpires: Int64?

    /// SHA-256 over what this was made of.
    public let digest: Digest256

    let leaf: Owned
    let key: Owned
    /// A stack of certificates.
    let chain: Owned
    /// DER of the OCSP response; empty if there is none.
    let staple: [UInt8]

    /// Reads and checks.
    ///
    /// - Parameters:
    ///   - certificates: PEM; the certificate itself first, then its chain.
    ///   - key: PEM; PKCS #8, PKCS #1 or SEC 1.
    ///   - staple: DER of an OCSP response for the certificate (RFC 6960).
    ///   - requiresNames: Whether a certificate without names is refused: yes for servers, no for clients.
    public init(
        certificates: borrowing Span<UInt8>,
        key: borrowing Span<UInt8>,
        staple: [UInt8]?,
        requiresNames: Bool = true
    ) throws(CertificateError) {
        ERR_clear_error()
        guard let text = PEMText(certificates) else { throw .malformedCertificate }
        chain = try text.certificates()
        guard let leaf = unsafe Owned(audgate_certificates_shift(chain.pointer), freedBy: X509_free) else {
            throw .noCertificate
        }
        self.leaf = leaf
        guard let keyText = PEMText(key) else { throw .malformedKey }
        self.key = try keyText.privateKey()
        guard unsafe X509_check_private_key(self.leaf.pointer, self.key.pointer) == 1 else {
            throw .keyMismatch
        }
        guard self.key.isConsistent else { throw .malformedKey }
        try Self.check(self.leaf, key: self.key, chain: chain)

        names = CertificateNames.read(self.leaf)
        guard !requiresNames || !names.isEmpty else { throw .noNames }
        guard let notBefore = unsafe CertificateTime.seconds(X509_get0_notBefore(self.leaf.pointer)),
            let notAfter = unsafe CertificateTime.seconds(X509_get0_notAfter(self.leaf.pointer))
        else { throw .malformedCertificate }
        self.notBefore = notBefore
        self.notAfter = notAfter
        self.staple = staple ?? []
        var state = SHA256()
        let parts = state.digest(certificates).bytes + state.digest(key).bytes
        let texts = parts + self.staple
        digest = state.digest(texts.span)
        stapleExpires = if let staple { try OCSPStaple.check(staple, for: self.leaf) } else { nil }
    }

    /// Whether the certificate is good for `host`: by its exact name, by a wildcard for exactly one label, or as
    /// the exact IP address.
    public func covers(_ host: String) -> Bool {
        let host = CertificateNames.normalized(host)
        if names.contains(host) { return true }
        guard let wildcard = CertificateNames.wildcard(for: host) else { return false }
        return names.contains(wildcard)
    }

    /// What kind of key the certificate has; a handshake chooses among one certificate of each.
    var keyType: Int32 { unsafe EVP_PKEY_get_base_id(key.pointer) }

    /// Lets the library judge key and chain as it will for each handshake.
    private static func check(
        _ leaf: borrowing Owned,
        key: borrowing Owned,
        chain: borrowing Owned
    ) throws(CertificateError) {
        guard key.isUsableInHandshakes else { throw .unsupportedKey }
        guard let trial = Owned.tlsContext(minimum: .tls12) else { throw .library }
        let isTaken = unsafe SSL_CTX_use_cert_and_key(
            trial.pointer,
            leaf.pointer,
            key.pointer,
            chain.pointer,
            1
        )
        guard isTaken != 1 else { return }
        let reason = ERR_GET_REASON(ERR_peek_last_error())
        let weaknesses = [SSL_R_EE_KEY_TOO_SMALL, SSL_R_CA_KEY_TOO_SMALL, SSL_R_CA_MD_TOO_WEAK]
        throw weaknesses.contains(reason) ? .weakKey : .unsupportedKey
    }
}
