// A socket with the TLS session on it, if there is one: octets of messages in, octets of messages out.

internal import Bytes
internal import OpenSSL
internal import Transport

/// What a receive on a channel found.
enum ChannelInput: Equatable {
    /// Octets of messages; none if all that came was TLS's own. If `isDrained`, the poller will tell of more.
    case bytes(isDrained: Bool)
    /// The peer will send no more, and has said so.
    case end
    /// Nothing is there yet.
    case wouldBlock
    /// The connection is dead.
    case failed(ChannelFailure)
}

/// Why a channel is dead.
enum ChannelFailure: Error, Equatable {
    case socket(SystemError)
    case tls(TLSFailure)
    /// The connection ended without the end that TLS demands: something may have been cut off (RFC 8446 §6.1).
    case truncated

    /// As what it counts where it ends a connection of a client before its first request.
    var refusal: ConnectionRefusal {
        switch self {
        case .tls: .tls
        case .socket, .truncated: .aborted
        }
    }

    /// What the log says.
    var detail: String {
        switch self {
        case .socket(let error): "\(error)"
        case .tls(let failure): failure.detail
        case .truncated: "closed without the end that TLS demands"
        }
    }
}

/// Memory for ciphertext on its way through, of which one thread needs one.
final class CiphertextMemory {
    fileprivate var incoming = ByteBuffer()
    fileprivate var outgoing = ByteBuffer()

    /// Moves what the kernel has no room for to the connection that it belongs to.
    fileprivate func moveOutgoing(to kept: inout ByteBuffer) {
        kept.append(outgoing.span)
        outgoing.removeAll()
    }
}

/// One connection. While idle it holds no buffer memory.
final class Channel {
    /// Octets that are encrypted at a time.
    private static let sealShare = 64 * 1024

    let socket: Socket
    /// What the connection takes of an endpoint's limit, nil if it takes nothing.
    var slot: EndpointSlot?
    /// Whether there is a TLS session.
    let isSecure: Bool
    private var tls: TLSSession?
    private let memory: CiphertextMemory
    /// Ciphertext that the kernel has not taken yet.
    private var sealed = ByteBuffer()
    /// Whether the connection is to end without its end being said.
    private var isBroken = false
    /// The connection's place among those of its address, given up with the socket; nil for what has no limit.
    var place: AddressPlace?
    /// Octets that the kernel has taken so far.
    private(set) var sentOctets = 0

    /// Puts a TLS session on a socket, or none.
    init(_ socket: consuming Socket, tls: consuming TLSSession?, memory: CiphertextMemory) {
        self.socket = socket
        isSecure = tls != nil
        self.tls = tls
        self.memory = memory
    }

    /// Whether messages can be sent: there is no TLS, or its handshake is done.
    var isEstablished: Bool { !isSecure || tls?.isEstablished == true }

    /// What the peers agreed to speak; HTTP/1.1 where there is no TLS.
    var applicationProtocol: ApplicationProtocol { tls?.applicationProtocol ?? .http11 }

    /// The version of TLS, and whether the handshake resumed an earlier session; nil where there is no TLS.
    var handshake: (version: TLSVersion, isResumed: Bool)? {
        guard let isResumed = tls?.isResumed, let version = tls?.version else { return nil }
        return (version, isResumed)
    }

    /// SHA-256 of the peer's certificate, nil if it has shown none.
    var peerCertificateDigest: [UInt8]? { tls?.peerCertificateDigest }

    /// The newest session of this connection that a later one can resume.
    func takeResumption() -> TLSResumption? { tls?.takeResumption() }

    /// Whether something waits to be sent that the kernel had no room for.
    var hasUnsent: Bool { isSecure && !sealed.isEmpty }

    /// Starts the TLS handshake of a client.
    func start() -> ChannelFailure? {
        do throws(TLSFailure) {
            try tls?.start(replies: &sealed)
        } catch {
            return .tls(error)
        }
        return flush()
    }

    /// Receives from the socket, at most `room` octets, and appends what they mean to `input`.
    func receive(into input: inout ByteBuffer, room: Int) -> ChannelInput {
        guard isSecure else { return receivePlain(into: &input, room: room) }
        guard tls?.hasPeerClosed == false else { return .end }
        memory.incoming.removeAll()
        switch socket.receive(into: &memory.incoming, room: room) {
        case .bytes(let count): return open(count, of: room, into: &input)
        case .wouldBlock: return .wouldBlock
        case .end: return .failed(.truncated)
        case .failed(let error): return .failed(.socket(error))
        }
    }

    private func receivePlain(into input: inout ByteBuffer, room: Int) -> ChannelInput {
        switch socket.receive(into: &input, room: room) {
        case .bytes(let count): .bytes(isDrained: count < room)
        case .wouldBlock: .wouldBlock
        case .end: .end
        case .failed(let error): .failed(.socket(error))
        }
    }

    private func open(_ count: Int, of room: Int, into input: inout ByteBuffer) -> ChannelInput {
        var incoming = ByteBuffer()
        swap(&incoming, &memory.incoming)
        defer { swap(&incoming, &memory.incoming) }
        do throws(TLSFailure) {
            try tls?.receive(incoming.span, into: &input, replies: &sealed)
        } catch {
            // The peer may learn from an alert what was wrong; whether it arrives makes no difference here.
            _ = flush()
            return .failed(.tls(error))
        }
        if let failure = flush() { return .failed(failure) }
        // The end that TLS tells of is found by the next receive.
        return .bytes(isDrained: count < room && tls?.hasPeerClosed == false)
    }

    /// Sends from the start of `bytes`, which is not empty: as much as the kernel takes, or as TLS encrypts at a time.
    func send(_ bytes: borrowing Span<UInt8>) -> SendResult {
        guard isSecure else {
            let result = socket.send(bytes)
            if case .bytes(let count) = result { sentOctets += count }
            return result
        }
        if let failure = flush() { return Self.result(of: failure) }
        guard sealed.isEmpty else { return .wouldBlock }
        let share = bytes.extracting(..<min(bytes.count, Self.sealShare))
        memory.outgoing.removeAll()
        do throws(TLSFailure) {
            try tls?.seal(share, into: &memory.outgoing)
        } catch {
            return Self.result(of: .tls(error))
        }
        if let failure = send(&memory.outgoing) { return Self.result(of: failure) }
        if !memory.outgoing.isEmpty { memory.moveOutgoing(to: &sealed) }
        return .bytes(share.count)
    }

    private static func result(of failure: ChannelFailure) -> SendResult {
        switch failure {
        case .socket(let error): .failed(error)
        case .tls, .truncated: .failed(.tlsBroken)
        }
    }

    /// Sends ciphertext that waits.
    func flush() -> ChannelFailure? {
        guard hasUnsent else { return nil }
        if let failure = send(&sealed) { return failure }
        if sealed.isEmpty { sealed.release() }
        return nil
    }

    /// Sends as much of `buffer` as the kernel takes.
    private func send(_ buffer: inout ByteBuffer) -> ChannelFailure? {
        while !buffer.isEmpty {
            switch socket.send(buffer.span) {
            case .bytes(let count):
                sentOctets += count
                buffer.consume(count)
            case .wouldBlock: return nil
            case .failed(let error): return .socket(error)
            }
        }
        return nil
    }

    /// Tells the peer that nothing more will be sent; receiving goes on.
    func shutDownSending() {
        sayEnd()
        socket.shutDownSending()
    }

    /// Makes closing look like a break, so that the peer cannot take what it got for all there was.
    func breakOff() {
        isBroken = true
        socket.resetOnClose()
    }

    /// Says the end of TLS, if there is room for it at once.
    func sayEnd() {
        guard isSecure, !isBroken, isEstablished, sealed.isEmpty else { return }
        tls?.close(into: &sealed)
        _ = flush()
    }
}
