// Why certificates, keys and revocation lists cannot be used.

/// What is wrong with the texts of a certificate, its key, its staple, or of those whom to trust.
public enum CertificateError: Error, Equatable, Sendable, CaseIterable {
    /// There is no certificate in the text.
    case noCertificate
    /// A certificate cannot be read.
    case malformedCertificate
    /// There is no private key in the text.
    case noKey
    /// The private key cannot be read, or its private half does not belong to its public half.
    case malformedKey
    /// The private key is protected by a passphrase.
    case encryptedKey
    /// The private key is not that of the first certificate.
    case keyMismatch
    /// The key is of a kind, or on a curve, that handshakes here do not use.
    case unsupportedKey
    /// A key is too short, or a signature of the chain uses a broken digest.
    case weakKey
    /// The certificate names no host: there is no DNS name and no address among its alternative names.
    case noNames
    /// The OCSP response cannot be read.
    case malformedStaple
    /// The OCSP response does not say that the certificate is good.
    case unsuccessfulStaple
    /// The OCSP response is about another certificate.
    case foreignStaple
    /// There is no certificate of an authority in the text.
    case noAuthority
    /// There is no revocation list in the text, or one cannot be read.
    case malformedRevocationList
    /// The library failed.
    case library

    /// The error as a sentence for people.
    public var sentence: String {
        switch self {
        case .noCertificate: "There is no PEM certificate in it."
        case .malformedCertificate: "A certificate in it cannot be read."
        case .noKey: "There is no PEM private key in it."
        case .malformedKey: "The private key in it cannot be read."
        case .encryptedKey: "The private key is encrypted, and nobody is there to type its passphrase."
        case .keyMismatch: "The private key does not belong to the first certificate."
        case .unsupportedKey: "The key must be RSA, ECDSA on P-256 or P-384, or Ed25519."
        case .weakKey: "A key is shorter than 2048 bits (RSA), or a certificate is signed with SHA-1 or MD5."
        case .noNames: "The certificate has no DNS name and no IP address in subjectAltName."
        case .malformedStaple: "The OCSP response cannot be read (it must be DER)."
        case .unsuccessfulStaple: "The OCSP response does not say that the certificate is good."
        case .foreignStaple: "The OCSP response is about another certificate."
        case .noAuthority: "There is no PEM certificate of an authority in it."
        case .malformedRevocationList: "There is no readable PEM revocation list in it."
        case .library: "OpenSSL failed."
        }
    }
}
