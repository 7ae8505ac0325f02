// The certificates that stand side by side for a name, ready for handshakes.

internal import COpenSSL

/// One `SSL_CTX` of a server: identities with different kinds of keys, of which the library takes the one that
/// a client can use.
///
/// `@unchecked Sendable`: the library's object never changes after `init`.
final class CertificateSet: @unchecked Sendable {
    let context: Owned
    let identities: [CertificateIdentity]

    init(
        _ identities: [CertificateIdentity],
        minimumVersion: TLSVersion,
        clientAuthorities: TrustAnchors?,
        clientMode: ClientCertificateMode
    ) throws(OpenSSLError) {
        guard let context = Owned.tlsContext(minimum: minimumVersion) else {
            throw OpenSSLError()
        }
        for identity in identities {
            guard context.use(identity) else { throw OpenSSLError() }
        }
        guard Self.setResumption(of: context, clientAuthorities: clientAuthorities, clientMode: clientMode)
        else { throw OpenSSLError() }
        if let clientAuthorities {
            guard Self.ask(clientMode, for: clientAuthorities, in: context) else { throw OpenSSLError() }
        }
        ServerCallbacks.install(in: context, staples: identities.contains { !$0.staple.isEmpty })
        self.context = context
        self.identities = identities
    }

    /// An `SSL` that begins with these certificates.
    func newSession() -> Owned? { context.newSession() }

    /// Tickets, one for each handshake, instead of a cache; bound to whose certificates clients are asked for.
    private static func setResumption(
        of context: borrowing Owned,
        clientAuthorities: TrustAnchors?,
        clientMode: ClientCertificateMode
    ) -> Bool {
        let rules = clientAuthorities.map { $0.digest.bytes + Array(clientMode.rawValue.utf8) } ?? []
        let id = SHA256.digest(of: rules.span).bytes
        unsafe audgate_SSL_CTX_set_session_cache_mode(context.pointer, Int(SSL_SESS_CACHE_OFF))
        unsafe SSL_CTX_set_timeout(context.pointer, ServerTLSContext.resumptionSeconds)
        return unsafe SSL_CTX_set_session_id_context(context.pointer, id, UInt32(id.count)) == 1
            && SSL_CTX_set_num_tickets(context.pointer, 1) == 1
    }

    private static func ask(
        _ mode: ClientCertificateMode,
        for authorities: TrustAnchors,
        in context: borrowing Owned
    ) -> Bool {
        unsafe SSL_CTX_set1_cert_store(context.pointer, authorities.store.pointer)
        let demand = mode == .require ? SSL_VERIFY_FAIL_IF_NO_PEER_CERT : 0
        unsafe SSL_CTX_set_verify(context.pointer, SSL_VERIFY_PEER | demand, nil)
        guard
            let certificates = unsafe Owned(
                X509_STORE_get1_all_certs(authorities.store.pointer),
                freedBy: audgate_certificates_free
            )
        else { return false }
        return (0..<(unsafe audgate_certificates_count(certificates.pointer))).allSatisfy { index in
            unsafe SSL_CTX_add_client_CA(
                context.pointer,
                audgate_certificates_value(certificates.pointer, index)
            ) == 1
        }
    }
}
