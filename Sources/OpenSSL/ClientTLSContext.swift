// What connections to servers need for their handshakes.

internal import COpenSSL

/// Whom to trust and what to show; shared by all threads and connections with the same settings.
///
/// `@unchecked Sendable`: the library's object never changes after `init`.
public final class ClientTLSContext: @unchecked Sendable {
    private let context: Owned
    private let verifies: Bool

    /// Makes it ready.
    ///
    /// - Parameters:
    ///   - anchors: Whom to trust; nil: whom the system trusts.
    ///   - identity: The certificate for servers that ask for one.
    ///   - verifies: Whether the server's certificate and name are checked.
    ///   - offersHTTP2: Whether `h2` is offered before `http/1.1`.
    public init(
        anchors: TrustAnchors?,
        identity: CertificateIdentity?,
        verifies: Bool = true,
        offersHTTP2: Bool
    ) throws(OpenSSLError) {
        ERR_clear_error()
        self.verifies = verifies
        guard let context = Owned.tlsContext(minimum: .tls12) else {
            throw OpenSSLError()
        }
        if let identity {
            guard context.use(identity) else { throw OpenSSLError() }
        }
        if verifies {
            guard let anchors = try? anchors ?? TrustAnchors.system() else { throw OpenSSLError() }
            unsafe SSL_CTX_set1_cert_store(context.pointer, anchors.store.pointer)
        }
        unsafe SSL_CTX_set_verify(context.pointer, verifies ? SSL_VERIFY_PEER : SSL_VERIFY_NONE, nil)
        let protocols = ApplicationProtocol.list(offersHTTP2 ? [.http2, .http11] : [.http11])
        // The only function of the library that returns 0 for success.
        guard unsafe SSL_CTX_set_alpn_protos(context.pointer, protocols, UInt32(protocols.count)) == 0 else {
            throw OpenSSLError()
        }
        let mode = SSL_SESS_CACHE_CLIENT | SSL_SESS_CACHE_NO_INTERNAL
        unsafe audgate_SSL_CTX_set_session_cache_mode(context.pointer, Int(mode))
        unsafe SSL_CTX_sess_set_new_cb(context.pointer, keepSession)
        self.context = context
    }

    /// A session for a connection to a server.
    ///
    /// - Parameters:
    ///   - serverName: Host name or IP address of the server, for its certificate to be checked against. Names,
    ///     not addresses, are told to the server (RFC 6066 §3).
    ///   - resuming: Used if it came from a session of this same object, and the certificate of then covers the
    ///     name and has not ended.
    /// - Throws: When the name is empty or has a NUL in it, or the library fails.
    public func makeSession(
        serverName: String,
        resuming: TLSResumption?
    ) throws(OpenSSLError) -> TLSSession {
        ERR_clear_error()
        let name = CertificateNames.normalized(serverName)
        // The library takes an empty name for "any name", and a NUL for the end.
        guard !name.isEmpty, !name.utf8.contains(0),
            let session = context.newSession(), setName(name, of: session)
        else { throw OpenSSLError() }
        if let resuming, resuming.context === self, isUsable(resuming, for: name) {
            guard unsafe SSL_set_session(session.pointer, resuming.session.pointer) == 1 else {
                throw OpenSSLError()
            }
        }
        unsafe SSL_set_connect_state(session.pointer)
        return TLSSession(session, side: .client(self))
    }

    private static let nameRules = UInt32(
        X509_CHECK_FLAG_NO_PARTIAL_WILDCARDS | X509_CHECK_FLAG_NEVER_CHECK_SUBJECT
    )

    private func setName(_ name: String, of session: borrowing Owned) -> Bool {
        guard CertificateNames.address(of: name) == nil else {
            return unsafe X509_VERIFY_PARAM_set1_ip_asc(SSL_get0_param(session.pointer), name) == 1
        }
        unsafe SSL_set_hostflags(session.pointer, Self.nameRules)
        return unsafe SSL_set1_host(session.pointer, name) == 1
            && audgate_SSL_set_host_name(session.pointer, name) == 1
    }

    /// Whether the server's certificate of then is one for `name` (RFC 8446 §4.6.1), and one of today.
    private func isUsable(_ resumption: TLSResumption, for name: String) -> Bool {
        guard verifies else { return true }
        guard let certificate = unsafe SSL_SESSION_get0_peer(resumption.session.pointer),
            unsafe X509_cmp_time(X509_get0_notBefore(certificate), nil) < 0,
            unsafe X509_cmp_time(X509_get0_notAfter(certificate), nil) > 0
        else { return false }
        guard CertificateNames.address(of: name) == nil else {
            return unsafe X509_check_ip_asc(certificate, name, 0) == 1
        }
        return unsafe X509_check_host(certificate, name, 0, Self.nameRules, nil) == 1
    }
}

/// Keeps the newest session that the server has offered.
private func keepSession(_ session: OpaquePointer?, _ offered: OpaquePointer?) -> Int32 {
    guard let transfer = unsafe TLSTransfer.current(of: session) else { return 0 }
    unsafe SSL_SESSION_free(transfer.pointee.offeredSession)
    unsafe transfer.pointee.offeredSession = unsafe offered
    // 1: the reference is ours now.
    return 1
}
