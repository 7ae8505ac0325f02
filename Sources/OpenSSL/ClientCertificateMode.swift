// Whether clients must show a certificate.

/// What happens to clients without a certificate; one that is shown must be valid in both modes.
public enum ClientCertificateMode: String, CaseIterable, Sendable {
    /// The handshake goes on without a certificate.
    case request
    /// The handshake fails without a certificate.
    case require
}
