// What OpenSSL asks a server during a handshake.

internal import Bytes
internal import COpenSSL

// Each function is called by the library inside a call of `TLSSession`, with memory that lives through it. They
// find the server through the transfer of that call, and read what never changes.

/// Tells the library whom to ask.
enum ServerCallbacks {
    static func install(in context: borrowing Owned, staples: Bool) {
        unsafe audgate_SSL_CTX_set_servername_callback(context.pointer, chooseCertificates)
        unsafe SSL_CTX_set_alpn_select_cb(context.pointer, chooseProtocol, nil)
        unsafe SSL_CTX_set_tlsext_ticket_key_evp_cb(context.pointer, prepareTicket)
        if staples { unsafe audgate_SSL_CTX_set_status_callback(context.pointer, staple) }
    }

    @unsafe
    fileprivate static func server(of session: OpaquePointer?) -> ServerTLSContext? {
        guard case .server(let server)? = unsafe TLSTransfer.current(of: session)?.pointee.side else {
            return nil
        }
        return server
    }
}

/// Server name indication (RFC 6066 §3): an unknown name is no error, the request's host will tell.
private func chooseCertificates(
    _ session: OpaquePointer?,
    _ alert: UnsafeMutablePointer<Int32>?,
    _ argument: UnsafeMutableRawPointer?
) -> Int32 {
    guard let name = unsafe TLSSession.serverName(of: session),
        let server = unsafe ServerCallbacks.server(of: session)
    else { return SSL_TLSEXT_ERR_NOACK }
    guard let set = server.set(for: name) else { return SSL_TLSEXT_ERR_OK }
    let current = unsafe SSL_get_SSL_CTX(session)
    guard unsafe current != set.context.pointer else { return SSL_TLSEXT_ERR_OK }
    guard unsafe SSL_set_SSL_CTX(session, set.context.pointer) != nil else {
        return SSL_TLSEXT_ERR_ALERT_FATAL
    }
    return SSL_TLSEXT_ERR_OK
}

/// ALPN (RFC 7301): `h2` before `http/1.1`; clients that know neither are refused.
private func chooseProtocol(
    _ session: OpaquePointer?,
    _ chosen: UnsafeMutablePointer<UnsafePointer<UInt8>?>?,
    _ chosenCount: UnsafeMutablePointer<UInt8>?,
    _ offered: UnsafePointer<UInt8>?,
    _ offeredCount: UInt32,
    _ argument: UnsafeMutableRawPointer?
) -> Int32 {
    guard let server = unsafe ServerCallbacks.server(of: session), let offered = unsafe offered else {
        return SSL_TLSEXT_ERR_ALERT_FATAL
    }
    let offers = unsafe Span(_unsafeStart: offered, count: Int(offeredCount))
    for choice in server.offersHTTP2 ? [ApplicationProtocol.http2, .http11] : [.http11] {
        var index = 0
        while index < offers.count {
            let count = Int(offers[index])
            let start = index + 1
            guard start + count <= offers.count else { return SSL_TLSEXT_ERR_ALERT_FATAL }
            if offers.extracting(start..<(start + count)).equals(choice.name) {
                // The library copies the name.
                unsafe chosen?.pointee = unsafe offered + start
                unsafe chosenCount?.pointee = offers[index]
                return SSL_TLSEXT_ERR_OK
            }
            index = start + count
        }
    }
    return SSL_TLSEXT_ERR_ALERT_FATAL
}

/// Prepares cipher and code for a ticket that is to be sealed or opened (RFC 5077 §4).
///
/// - Returns: 1 done, 2 done and a new ticket is due, 0 unknown key, -1 failure.
private func prepareTicket(
    _ session: OpaquePointer?,
    _ name: UnsafeMutablePointer<UInt8>?,
    _ vector: UnsafeMutablePointer<UInt8>?,
    _ cipher: OpaquePointer?,
    _ code: OpaquePointer?,
    _ isSealing: Int32
) -> Int32 {
    guard let keys = unsafe ServerCallbacks.server(of: session)?.ticketKeys,
        let name = unsafe name, let vector = unsafe vector
    else { return -1 }
    guard isSealing == 1 else {
        guard let (key, isFirst) = unsafe keys.key(named: name) else { return 0 }
        guard unsafe EVP_DecryptInit_ex(cipher, EVP_aes_256_cbc(), nil, key.cipherKey, vector) == 1,
            unsafe setKey(key, of: code)
        else { return -1 }
        return isFirst ? 1 : 2
    }
    guard let key = keys.first, unsafe RAND_bytes(vector, 16) == 1,
        unsafe EVP_EncryptInit_ex(cipher, EVP_aes_256_cbc(), nil, key.cipherKey, vector) == 1,
        unsafe setKey(key, of: code)
    else { return -1 }
    unsafe name.update(from: key.name, count: TicketKey.nameCount)
    return 1
}

@unsafe
private func setKey(_ key: TicketKey, of code: OpaquePointer?) -> Bool {
    var digest = Array("SHA256".utf8CString)
    return unsafe digest.withUnsafeMutableBufferPointer { digest in
        var parameters = unsafe [
            OSSL_PARAM_construct_octet_string(ParameterName.key.text, key.codeKey, TicketKey.secretCount),
            OSSL_PARAM_construct_utf8_string(ParameterName.digest.text, digest.baseAddress, 0),
            OSSL_PARAM_construct_end(),
        ]
        return unsafe EVP_MAC_CTX_set_params(code, &parameters) == 1
    }
}

/// Hands out the OCSP response of the certificate that was chosen, where a client asks for it (RFC 6066 §8).
private func staple(_ session: OpaquePointer?, _ argument: UnsafeMutableRawPointer?) -> Int32 {
    guard let server = unsafe ServerCallbacks.server(of: session),
        let identity = unsafe server.identity(of: SSL_get_certificate(session)), !identity.staple.isEmpty,
        let copy = unsafe audgate_OPENSSL_memdup(identity.staple, identity.staple.count)
    else { return SSL_TLSEXT_ERR_NOACK }
    unsafe audgate_SSL_set_status_response(session, copy, identity.staple.count)
    return SSL_TLSEXT_ERR_OK
}
