// A connection of the background: the channel of the data path, with a thread that waits for it.

internal import Bytes
internal import HTTP
internal import OpenSSL
internal import Policy
internal import Transport

/// A connection whose calls block until they are done, fail, or the deadline has passed.
struct BackgroundConnection {
    private let channel: Channel
    private let request: BackgroundRequest
    /// Milliseconds of the monotonic clock.
    private let deadline: Int
    /// What the server has said before it was asked.
    private var early: [UInt8] = []

    /// Connects to where `request` goes, by TLS if that is https; each address of the host has its try.
    init(for request: BackgroundRequest, until deadline: Int) throws(BackgroundFailure) {
        let addresses = if let known = request.addresses { known } else { try request.lookUpAddresses() }
        var failure = BackgroundFailure(.unreachable, "no address")
        for (index, address) in addresses.enumerated() {
            // One that swallows what it is sent leaves time for those behind it.
            let left = deadline - Clock.monotonicMilliseconds
            let connected = deadline - left + left / (addresses.count - index)
            do throws(BackgroundFailure) {
                self = try BackgroundConnection(to: address, for: request, connected, deadline)
                return
            } catch {
                failure = BackgroundFailure(error.kind, "\(address): \(error.clause)")
            }
        }
        throw BackgroundFailure(failure.kind, "Cannot connect to \(failure.clause)")
    }

    private init(
        to address: SocketAddress,
        for request: BackgroundRequest,
        _ connected: Int,
        _ deadline: Int
    ) throws(BackgroundFailure) {
        self.request = request
        self.deadline = deadline
        let session = try Self.session(for: request)
        do throws(SystemError) {
            let socket = try Socket.connect(to: address)
            guard socket.wait(for: .writing, until: connected) else { throw SystemError.timedOut }
            if let error = socket.takeError() { throw error }
            if request.sendsProxyHeader { try Self.sendProxyHeader(on: socket) }
            channel = Channel(socket, tls: session, memory: CiphertextMemory())
        } catch {
            throw BackgroundFailure(.unreachable, "\(error)")
        }
        try shakeHands()
    }

    private static func session(
        for request: BackgroundRequest
    ) throws(BackgroundFailure) -> TLSSession? {
        guard request.url.isSecure else { return nil }
        // An issuer in clear text may name an https address: without settings nothing is sent, least of all in clear.
        guard let tls = request.tls else {
            throw BackgroundFailure(.insecure, "There are no settings of TLS")
        }
        do throws(OpenSSLError) {
            return try tls.context.makeSession(serverName: tls.serverName ?? request.url.host, resuming: nil)
        } catch {
            throw BackgroundFailure(.insecure, "\(SystemError.tlsBroken)")
        }
    }

    /// Version 1 of the PROXY protocol, for a connection that is the sender's own.
    private static func sendProxyHeader(on socket: borrowing Socket) throws(SystemError) {
        let header = "PROXY UNKNOWN\r\n".octets
        // A new socket has room for it.
        guard socket.send(header.span) == .bytes(header.count) else { throw SystemError.timedOut }
    }

    private mutating func shakeHands() throws(BackgroundFailure) {
        if let failure = channel.start() { throw BackgroundFailure(.insecure, failure.detail) }
        var input = ByteBuffer()
        var hasEnded = false
        while !hasEnded, !channel.isEstablished {
            do throws(BackgroundFailure) {
                hasEnded = try receive(into: &input)
            } catch {
                throw BackgroundFailure(error.kind == .silent ? .silent : .insecure, error.clause)
            }
        }
        early = Array(copying: input.span)
        // No server of HTTP/1.1 speaks before it was asked.
        guard !hasEnded, early.isEmpty || isHTTP2 else {
            throw BackgroundFailure(.insecure, "The server does not speak TLS as it should")
        }
    }

    /// Whether both sides speak HTTP/2.
    var isHTTP2: Bool { channel.isSecure ? channel.applicationProtocol == .http2 : request.speaksHTTP2 }

    /// Sends all of `output`.
    func send(_ output: inout ByteBuffer) throws(BackgroundFailure) {
        while !output.isEmpty {
            switch channel.send(output.span) {
            case .bytes(let count): output.consume(count)
            case .wouldBlock: try wait(for: .writing)
            case .failed(let error): throw broken("\(error)")
            }
        }
        try flush()
    }

    private func flush() throws(BackgroundFailure) {
        while channel.hasUnsent {
            if let failure = channel.flush() { throw broken(failure.detail) }
            if channel.hasUnsent { try wait(for: .writing) }
        }
    }

    /// Receives what there is; true once the server has closed its side.
    mutating func receive(into input: inout ByteBuffer) throws(BackgroundFailure) -> Bool {
        guard early.isEmpty else {
            input.append(early.span)
            early = []
            return false
        }
        while true {
            try flush()
            switch channel.receive(into: &input, room: 16 * 1024) {
            case .bytes: return false
            case .end: return true
            case .wouldBlock: try wait(for: .reading)
            case .failed(let failure): throw broken(failure.detail)
            }
        }
    }

    private func broken(_ detail: String) -> BackgroundFailure {
        BackgroundFailure(.malformed, "\(request.url.authority): \(detail)")
    }

    private func wait(for readiness: Readiness) throws(BackgroundFailure) {
        guard channel.socket.wait(for: readiness, until: deadline) else {
            throw BackgroundFailure(.silent, "\(request.url.authority) did not answer in time")
        }
    }
}
