// The library's own client or server, for what our sessions never do themselves.

import Bytes
import COpenSSL

@testable import OpenSSL

/// One side of a connection with settings that the tests choose. Does not check certificates.
@safe
final class RawPeer {
    let session: OpaquePointer
    private(set) var received: [UInt8] = []
    private(set) var failure: String?
    private let context: OpaquePointer
    private let input: OpaquePointer
    private let output: OpaquePointer

    init(isServer: Bool = false, _ configure: (OpaquePointer) -> Void = { _ in }) {
        ERR_clear_error()
        guard let context = unsafe SSL_CTX_new(TLS_method()) else { preconditionFailure("no context") }
        unsafe configure(context)
        guard let session = unsafe SSL_new(context), let input = unsafe BIO_new(BIO_s_mem()),
            let output = unsafe BIO_new(BIO_s_mem())
        else { preconditionFailure("no session") }
        unsafe self.context = unsafe context
        unsafe self.session = unsafe session
        unsafe self.input = unsafe input
        unsafe self.output = unsafe output
        unsafe SSL_set_bio(session, input, output)
        unsafe isServer ? SSL_set_accept_state(session) : SSL_set_connect_state(session)
    }

    deinit {
        unsafe SSL_free(session)
        unsafe SSL_CTX_free(context)
    }

    /// A client that speaks no newer version than `newest`.
    static func client(newest: TLSVersion, _ configure: (OpaquePointer) -> Void = { _ in }) -> RawPeer {
        unsafe RawPeer { context in
            _ = unsafe SSL_CTX_ctrl(context, SSL_CTRL_SET_MAX_PROTO_VERSION, Int(newest.number), nil)
            unsafe configure(context)
        }
    }

    /// A server that shows `identity`.
    static func server(
        _ identity: CertificateIdentity,
        _ configure: (OpaquePointer) -> Void = { _ in }
    ) -> RawPeer {
        unsafe RawPeer(isServer: true) { context in
            _ = unsafe SSL_CTX_use_cert_and_key(
                context,
                identity.leaf.pointer,
                identity.key.pointer,
                identity.chain.pointer,
                1
            )
            unsafe configure(context)
        }
    }

    /// Takes what came, does what is to be done, and returns what it says.
    func run(_ bytes: [UInt8] = []) -> [UInt8] {
        ERR_clear_error()
        if !bytes.isEmpty { _ = unsafe BIO_write(input, bytes, Int32(bytes.count)) }
        var buffer = [UInt8](repeating: 0, count: 32_768)
        var count = 0
        if unsafe SSL_do_handshake(session) == 1 {
            while unsafe SSL_read_ex(session, &buffer, buffer.count, &count) == 1 {
                received += buffer.prefix(count)
            }
        }
        note()
        return takeOutput()
    }

    func write(_ bytes: [UInt8]) -> [UInt8] {
        ERR_clear_error()
        var count = 0
        _ = unsafe SSL_write_ex(session, bytes, bytes.count, &count)
        note()
        return takeOutput()
    }

    var isEstablished: Bool { unsafe SSL_is_init_finished(session) == 1 }

    /// The certificate of the other side.
    var peerDigest: [UInt8]? {
        unsafe SSL_get0_peer_certificate(session).flatMap { unsafe Owned.digest(ofCertificate: $0) }
    }

    func takeOutput() -> [UInt8] {
        var bytes: [UInt8] = []
        var buffer = [UInt8](repeating: 0, count: 65_536)
        while true {
            let count = unsafe BIO_read(output, &buffer, Int32(buffer.count))
            guard count > 0 else { return bytes }
            bytes += buffer.prefix(Int(count))
        }
    }

    private func note() {
        let code = ERR_peek_error()
        guard code != 0, failure == nil, let text = unsafe ERR_reason_error_string(code) else { return }
        failure = unsafe String(cString: text)
    }
}

extension TLSSession {
    /// Gives `bytes` to the session; returns its replies, what it read and its failure.
    mutating func take(_ bytes: [UInt8]) -> (replies: [UInt8], plaintext: [UInt8], failure: TLSFailure?) {
        var replies = ByteBuffer()
        var plaintext = ByteBuffer()
        var failure: TLSFailure?
        do throws(TLSFailure) {
            try receive(bytes.span, into: &plaintext, replies: &replies)
        } catch {
            failure = error
        }
        return (Array(copying: replies.span), Array(copying: plaintext.span), failure)
    }

    /// Shakes hands with `peer`, which is the client; returns how that failed.
    mutating func shakeHands(with peer: RawPeer) -> TLSFailure? {
        var flight = peer.run()
        while !flight.isEmpty {
            let (replies, _, failure) = take(flight)
            flight = peer.run(replies)
            if let failure { return failure }
        }
        return nil
    }

    /// Shakes hands with `peer`, which is the server; returns how that failed.
    mutating func shakeHands(asClientOf peer: RawPeer) -> TLSFailure? {
        var first = ByteBuffer()
        do throws(TLSFailure) {
            try start(replies: &first)
        } catch {
            return error
        }
        var flight = Array(copying: first.span)
        while !flight.isEmpty {
            let (replies, _, failure) = take(peer.run(flight))
            if let failure { return failure }
            flight = replies
        }
        return nil
    }
}
