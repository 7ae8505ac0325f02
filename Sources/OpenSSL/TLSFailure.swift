// Why a TLS session ended before its time.

internal import COpenSSL

/// A failed handshake, or a record that breaks the rules.
public struct TLSFailure: Error, Equatable, Sendable {
    /// What kind of failure it is.
    public enum Kind: Sendable {
        /// The peer's certificate was refused here, or it has none.
        case certificate
        /// The peer refused us with an alert.
        case alert
        /// There is no cipher, curve or signature algorithm that both sides have.
        case noSharedCipher
        /// There is no version of TLS that both sides speak.
        case noSharedVersion
        /// There is no application protocol that both sides speak.
        case noSharedProtocol
        /// The peer broke the rules of TLS, or speaks something else.
        case protocolError
        /// The peer sent, or announced, more than a session may have.
        case limit
        /// The session was closed, has failed or is not established yet.
        case unusable
    }

    /// What kind of failure it is.
    public let kind: Kind

    /// What went wrong, in a few words for people; nothing secret.
    public let detail: String

    init(_ kind: Kind, _ detail: String) {
        self.kind = kind
        self.detail = detail
    }

    /// Takes the failure from the library's queue, and from its verdict on the peer's certificate.
    @unsafe
    init(of session: OpaquePointer) {
        let code = ERR_peek_last_error()
        let reason = ERR_GET_REASON(code)
        let verdict = unsafe SSL_get_verify_result(session)
        guard ERR_GET_LIB(code) == ERR_LIB_SSL else {
            self.init(.protocolError, unsafe Self.text(ERR_reason_error_string(code)))
            return
        }
        if reason == SSL_R_CERTIFICATE_VERIFY_FAILED, verdict != X509_V_OK {
            self.init(.certificate, unsafe Self.text(X509_verify_cert_error_string(verdict)))
            return
        }
        let text = unsafe Self.text(ERR_reason_error_string(code))
        guard reason < SSL_AD_REASON_OFFSET else {
            self.init(.alert, Self.alert(text))
            return
        }
        self.init(Self.kinds[reason] ?? .protocolError, text)
    }

    private static let kinds: [Int32: Kind] = [
        SSL_R_PEER_DID_NOT_RETURN_A_CERTIFICATE: .certificate,
        SSL_R_CERTIFICATE_VERIFY_FAILED: .certificate,
        SSL_R_NO_SHARED_CIPHER: .noSharedCipher,
        SSL_R_NO_SUITABLE_KEY_SHARE: .noSharedCipher,
        SSL_R_NO_SUITABLE_GROUPS: .noSharedCipher,
        SSL_R_NO_SHARED_SIGNATURE_ALGORITHMS: .noSharedCipher,
        SSL_R_NO_SUITABLE_SIGNATURE_ALGORITHM: .noSharedCipher,
        SSL_R_UNSUPPORTED_PROTOCOL: .noSharedVersion,
        SSL_R_VERSION_TOO_LOW: .noSharedVersion,
        SSL_R_NO_APPLICATION_PROTOCOL: .noSharedProtocol,
    ]

    /// The library says "tlsv1 alert unknown ca"; which version named the alert helps nobody.
    private static func alert(_ text: String) -> String {
        let name = text.split(separator: " ").dropFirst().joined(separator: " ")
        return name.hasPrefix("alert ") ? name : "alert \(name)"
    }

    @unsafe
    private static func text(_ characters: UnsafePointer<CChar>?) -> String {
        guard let characters = unsafe characters else { return "unknown failure" }
        return unsafe String(cString: characters)
    }
}
