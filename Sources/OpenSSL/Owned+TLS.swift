// What all handshakes have in common, on either side.

internal import COpenSSL

extension Owned {
    /// Ciphers of TLS 1.2: ECDHE and AEAD only. AES-128 first, which is fastest and strong enough.
    private static let ciphers =
        "ECDHE-ECDSA-AES128-GCM-SHA256:ECDHE-RSA-AES128-GCM-SHA256:"
        + "ECDHE-ECDSA-AES256-GCM-SHA384:ECDHE-RSA-AES256-GCM-SHA384:"
        + "ECDHE-ECDSA-CHACHA20-POLY1305:ECDHE-RSA-CHACHA20-POLY1305"

    /// Ciphers of TLS 1.3.
    private static let cipherSuites =
        "TLS_AES_128_GCM_SHA256:TLS_AES_256_GCM_SHA384:TLS_CHACHA20_POLY1305_SHA256"

    /// Curves of the key exchange.
    private static let groups = "X25519:P-256:P-384"

    /// What certificates and handshakes are signed with: SHA-256 and better.
    private static let signatureAlgorithms =
        "ecdsa_secp256r1_sha256:ecdsa_secp384r1_sha384:ecdsa_secp521r1_sha512:ed25519:"
        + "rsa_pss_rsae_sha256:rsa_pss_rsae_sha384:rsa_pss_rsae_sha512:"
        + "rsa_pss_pss_sha256:rsa_pss_pss_sha384:rsa_pss_pss_sha512:"
        + "rsa_pkcs1_sha256:rsa_pkcs1_sha384:rsa_pkcs1_sha512"

    /// At least 112 bits everywhere: no RSA below 2048 bits, no signatures with SHA-1.
    private static let securityLevel: Int32 = 2

    /// The longest chain that a peer may send, in bytes.
    private static let maximumCertificateBytes = 32 * 1024

    /// An `SSL_CTX` for either side.
    static func tlsContext(minimum: TLSVersion) -> Owned? {
        guard let context = unsafe Owned(SSL_CTX_new(TLS_method()), freedBy: SSL_CTX_free) else { return nil }
        unsafe SSL_CTX_set_security_level(context.pointer, securityLevel)
        unsafe audgate_SSL_CTX_set_max_cert_list(context.pointer, maximumCertificateBytes)
        let isReady =
            unsafe audgate_SSL_CTX_configure(context.pointer, minimum.number) == 1
            && SSL_CTX_set_cipher_list(context.pointer, ciphers) == 1
            && SSL_CTX_set_ciphersuites(context.pointer, cipherSuites) == 1
            && audgate_SSL_CTX_set1_groups_list(context.pointer, groups) == 1
            && audgate_SSL_CTX_set1_sigalgs_list(context.pointer, signatureAlgorithms) == 1
        guard isReady else { return nil }
        unsafe SSL_CTX_set_msg_callback(context.pointer, countMessage)
        return context
    }

    /// An `SSL` of the `SSL_CTX` that this is, with a pipe.
    func newSession() -> Owned? {
        guard let session = unsafe Owned(SSL_new(pointer), freedBy: freeSession),
            TLSPipe.shared.attach(to: session)
        else { return nil }
        return session
    }

    /// Makes the `SSL_CTX` that this is show `identity`.
    func use(_ identity: CertificateIdentity) -> Bool {
        unsafe SSL_CTX_use_cert_and_key(
            pointer,
            identity.leaf.pointer,
            identity.key.pointer,
            identity.chain.pointer,
            1
        ) == 1
    }
}

/// Frees an `SSL`. The library would take a connection that was not closed in due form for a reason never to
/// resume its session; TLS does not (RFC 8446 §6.1).
private func freeSession(_ session: OpaquePointer?) {
    guard let session = unsafe session else { return }
    unsafe SSL_set_shutdown(session, SSL_SENT_SHUTDOWN | SSL_RECEIVED_SHUTDOWN)
    unsafe SSL_free(session)
}

/// Counts what costs time without bringing anything: see `TLSTransfer.messages`.
private func countMessage(
    _ isWritten: Int32,
    _ version: Int32,
    _ contentType: Int32,
    _ bytes: UnsafeRawPointer?,
    _ count: Int,
    _ session: OpaquePointer?,
    _ argument: UnsafeMutableRawPointer?
) {
    let isReceivedMessage = isWritten == 0 && contentType == SSL3_RT_HANDSHAKE
    let isSentAlert = isWritten == 1 && contentType == SSL3_RT_ALERT
    guard isReceivedMessage || isSentAlert else { return }
    unsafe TLSTransfer.current(of: session)?.pointee.messages += 1
}
