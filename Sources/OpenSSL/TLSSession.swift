// One side of one TLS connection, without a socket.

public import Bytes
internal import COpenSSL
internal import Glibc

/// Ciphertext in, plaintext out, and back.
///
/// Between calls it holds what OpenSSL holds: the keys, and the part of a record that has come so far. The
/// owner tells the end of the stream by itself: if `hasPeerClosed` is not set then, the stream was cut.
public struct TLSSession: ~Copyable {
    /// How many messages that bring nothing (key updates, tickets, attempts to renegotiate) an established
    /// session may receive in all.
    public static let maximumMessages = 128

    private enum Phase {
        case handshake
        case established
        case closed
        case failed
    }

    private let session: Owned
    private let side: TLSSide
    private var resumption: TLSResumption?
    private var messages: UInt8 = 0
    private var phase = Phase.handshake
    private var helloBound = ClientHelloBound()

    init(_ session: consuming Owned, side: TLSSide) {
        self.session = session
        self.side = side
    }

    /// Whether the handshake is done, and data can go both ways.
    public var isEstablished: Bool { phase == .established || phase == .closed }

    /// Whether the peer has said that it sends nothing more (close_notify).
    public var hasPeerClosed: Bool {
        guard phase != .failed else { return false }
        return unsafe SSL_get_shutdown(session.pointer) & SSL_RECEIVED_SHUTDOWN != 0
    }

    /// What both sides agreed to speak; HTTP/1.1 until the handshake is done.
    public var applicationProtocol: ApplicationProtocol {
        var name: UnsafePointer<UInt8>?
        var count: UInt32 = 0
        // The name belongs to the session.
        unsafe SSL_get0_alpn_selected(session.pointer, &name, &count)
        guard let name = unsafe name else { return .http11 }
        let isHTTP2 = unsafe Span(_unsafeStart: name, count: Int(count)).equals(
            ApplicationProtocol.http2.name
        )
        return isHTTP2 ? .http2 : .http11
    }

    /// Whether the handshake resumed an earlier session.
    public var isResumed: Bool { unsafe SSL_session_reused(session.pointer) == 1 }

    /// The version; the older one until it is agreed upon.
    public var version: TLSVersion {
        unsafe SSL_version(session.pointer) == TLSVersion.tls13.number ? .tls13 : .tls12
    }

    /// The version as the library names it: "TLSv1.2", "TLSv1.3".
    public var versionName: String { unsafe String(cString: SSL_get_version(session.pointer)) }

    /// The name that the client asked for; nil if it named none, or no UTF-8.
    public var serverName: String? {
        unsafe Self.serverName(of: session.pointer).flatMap { String(validating: $0.span) }
    }

    /// SHA-256 of the DER of the peer's certificate, if it was verified; also after a resumption.
    public var peerCertificateDigest: [UInt8]? {
        guard isEstablished,
            unsafe SSL_get_verify_mode(session.pointer) & SSL_VERIFY_PEER != 0,
            unsafe SSL_get_verify_result(session.pointer) == Int(X509_V_OK),
            let certificate = unsafe SSL_get0_peer_certificate(session.pointer)
        else { return nil }
        return unsafe Owned.digest(ofCertificate: certificate)
    }

    /// On the client's side, what came last for resuming the session later; nil if none came since the last call.
    public mutating func takeResumption() -> TLSResumption? {
        let newest = resumption
        resumption = nil
        return newest
    }

    /// Writes a client's first flight. Nothing happens on the server's side.
    public mutating func start(replies: inout ByteBuffer) throws(TLSFailure) {
        guard case .client = side, phase == .handshake else { return }
        let nothing: [UInt8] = []
        var unread = ByteBuffer()
        try receive(nothing.span, into: &unread, replies: &replies)
    }

    /// Uses up all of `ciphertext`.
    ///
    /// - Parameters:
    ///   - ciphertext: What came from the peer.
    ///   - plaintext: What it says is appended here.
    ///   - replies: What must go back to the peer is appended here; after a throw perhaps an alert.
    /// - Throws: When the handshake fails, or a record is not what it must be. The session is of no use then.
    public mutating func receive(
        _ ciphertext: borrowing Span<UInt8>,
        into plaintext: inout ByteBuffer,
        replies: inout ByteBuffer
    ) throws(TLSFailure) {
        guard phase != .failed else { throw Self.unusable }
        try checkHello(ciphertext)
        let failure = unsafe transfer(ciphertext, &replies) { session, transfer, phase in
            if phase == .handshake {
                let result = unsafe SSL_do_handshake(session)
                guard result == 1 else { return unsafe Self.failure(of: session, result) }
                phase = .established
                // Messages of the handshake itself count no more; a staple was sent, if there is any.
                unsafe transfer.pointee.messages = 0
                if unsafe SSL_is_server(session) == 1 {
                    unsafe audgate_SSL_set_status_response(session, nil, 0)
                }
            }
            return unsafe Self.read(session, transfer, into: &plaintext)
        }
        try end(with: failure)
    }

    /// Encrypts all of `plaintext` to the end of `ciphertext`.
    ///
    /// - Throws: When the session is not established, was closed or has failed.
    public mutating func seal(
        _ plaintext: borrowing Span<UInt8>,
        into ciphertext: inout ByteBuffer
    ) throws(TLSFailure) {
        guard phase == .established else { throw Self.unusable }
        guard !plaintext.isEmpty else { return }
        let nothing: [UInt8] = []
        let failure = unsafe plaintext.withUnsafeBufferPointer { plaintext in
            unsafe transfer(nothing.span, &ciphertext) { session, _, _ in
                var written = 0
                let result = unsafe SSL_write_ex(session, plaintext.baseAddress, plaintext.count, &written)
                return result == 1 ? nil : unsafe TLSFailure(of: session)
            }
        }
        try end(with: failure)
    }

    /// Appends a close_notify, once, if the session is established: nothing can be sealed after it.
    public mutating func close(into ciphertext: inout ByteBuffer) {
        guard phase == .established else { return }
        let nothing: [UInt8] = []
        unsafe transfer(nothing.span, &ciphertext) { session, _, phase in
            _ = unsafe SSL_shutdown(session)
            phase = .closed
        }
    }
}

extension TLSSession {
    private static var unusable: TLSFailure { TLSFailure(.unusable, "session is not open") }

    /// Runs `body` with the library's session connected to `input` and `output`.
    @unsafe
    private mutating func transfer<Result>(
        _ input: borrowing Span<UInt8>,
        _ output: inout ByteBuffer,
        _ body: (OpaquePointer, UnsafeMutablePointer<TLSTransfer>, inout Phase) -> Result
    ) -> Result {
        ERR_clear_error()
        let pipe = unsafe SSL_get_rbio(session.pointer)
        return unsafe input.withUnsafeBufferPointer { input in
            unsafe withUnsafeMutablePointer(to: &output) { output in
                var transfer = unsafe TLSTransfer(
                    side: side,
                    messages: Int(messages),
                    input: input,
                    output: output
                )
                let result = unsafe withUnsafeMutablePointer(to: &transfer) { transfer in
                    unsafe BIO_set_data(pipe, transfer)
                    defer { unsafe BIO_set_data(pipe, nil) }
                    return unsafe body(session.pointer, transfer, &phase)
                }
                keep(transfer)
                return result
            }
        }
    }

    /// Takes over what a transfer has brought beside bytes.
    private mutating func keep(_ transfer: TLSTransfer) {
        messages = UInt8(clamping: transfer.messages)
        guard let offered = unsafe Owned(transfer.offeredSession, freedBy: SSL_SESSION_free) else { return }
        guard case .client(let context) = side else { return }
        resumption = TLSResumption(offered, context: context)
    }

    /// Refuses a client's hello that is too long before the library sees how long it is.
    private mutating func checkHello(_ ciphertext: borrowing Span<UInt8>) throws(TLSFailure) {
        guard phase == .handshake, case .server = side else { return }
        let isTLS12 = unsafe SSL_version(session.pointer) == TLSVersion.tls12.number
        guard !helloBound.admits(ciphertext, isTLS12: isTLS12) else { return }
        try end(with: TLSFailure(.limit, "client hello too long"))
    }

    private mutating func end(with failure: TLSFailure?) throws(TLSFailure) {
        if let failure {
            phase = .failed
            throw failure
        }
        guard Int(messages) <= Self.maximumMessages else {
            phase = .failed
            throw TLSFailure(.limit, "too many messages without data")
        }
    }

    /// Decrypts until the input is used up.
    @unsafe
    private static func read(
        _ session: OpaquePointer,
        _ transfer: UnsafeMutablePointer<TLSTransfer>,
        into plaintext: inout ByteBuffer
    ) -> TLSFailure? {
        while true {
            // One record at a time. What of it does not fit stays in the library, which then tells how much.
            let pending = unsafe Int(SSL_pending(session))
            let rest = unsafe transfer.pointee.inputCount
            guard pending > 0 || rest > 0 else { return nil }
            let room = max(pending, min(rest, maximumRecordBytes))
            var result: Int32 = 0
            _ = unsafe plaintext.write(room: room) { target in
                var count = 0
                result = unsafe SSL_read_ex(session, target.baseAddress, target.count, &count)
                return result == 1 ? count : 0
            }
            guard result == 1 else { return unsafe failure(of: session, result) }
        }
    }

    private static var maximumRecordBytes: Int { 16 * 1024 }

    /// Why a call did not succeed; nil if it only needs more input, or the peer has closed.
    @unsafe
    private static func failure(of session: OpaquePointer, _ result: Int32) -> TLSFailure? {
        switch unsafe SSL_get_error(session, result) {
        case SSL_ERROR_NONE, SSL_ERROR_WANT_READ, SSL_ERROR_ZERO_RETURN: nil
        default: unsafe TLSFailure(of: session)
        }
    }

    /// The name in the client's hello.
    @unsafe
    static func serverName(of session: OpaquePointer?) -> [UInt8]? {
        // Belongs to the session; without a NUL in it, as the library checks.
        guard let name = unsafe SSL_get_servername(session, TLSEXT_NAMETYPE_host_name) else { return nil }
        let characters = unsafe UnsafeBufferPointer(start: name, count: strlen(name))
        return unsafe characters.map { UInt8(bitPattern: $0) }
    }
}
