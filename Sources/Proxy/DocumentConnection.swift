// A connection for one document: the channel of the data path, with a thread that waits for it.

internal import Bytes
internal import HTTP
internal import OpenSSL
internal import Policy
internal import Transport

/// A connection whose calls block until they are done, fail, or the deadline has passed.
struct DocumentConnection {
    private let channel: Channel
    /// Host and port, for messages.
    private let name: String
    /// Milliseconds of the monotonic clock.
    private let deadline: Int

    /// Connects to the host of `url`, by TLS if that is https; each address of the host has its try.
    init(to url: HTTPURL, tls: UpstreamTLS?, until deadline: Int) throws(FetchError) {
        let addresses: [SocketAddress]
        do {
            addresses = try NameLookup.addresses(of: url.host, port: url.port)
        } catch {
            throw FetchError(problem: "Cannot connect to \(url.host): \(error.reason).")
        }
        var problem = "no address"
        for address in addresses {
            do throws(FetchError) {
                self = try DocumentConnection(to: address, for: url, tls: tls, until: deadline)
                return
            } catch {
                problem = "\(address): \(error.problem)"
            }
        }
        throw FetchError(problem: "Cannot connect to \(problem).")
    }

    /// Connects to one address of the host of `url`.
    init(
        to address: SocketAddress,
        for url: HTTPURL,
        tls: UpstreamTLS?,
        until deadline: Int
    ) throws(FetchError) {
        self.deadline = deadline
        name = url.authority
        do throws(SystemError) {
            let socket = try Socket.connect(to: address)
            guard socket.wait(for: .writing, until: deadline) else {
                throw SystemError.timedOut
            }
            if let error = socket.takeError() { throw error }
            channel = Channel(
                socket,
                tls: try Self.session(for: url, tls),
                memory: CiphertextMemory()
            )
        } catch {
            throw FetchError(problem: "\(error)")
        }
        try shakeHands()
    }

    private static func session(for url: HTTPURL, _ tls: UpstreamTLS?) throws(SystemError) -> TLSSession? {
        guard url.isSecure else { return nil }
        // An issuer in clear text may name an https address: without settings nothing is sent, least of all in clear.
        guard let tls else { throw SystemError.tlsBroken }
        do throws(OpenSSLError) {
            return try tls.context.makeSession(serverName: tls.serverName ?? url.host, resuming: nil)
        } catch {
            throw SystemError.tlsBroken
        }
    }

    private func shakeHands() throws(FetchError) {
        if let failure = channel.start() { throw FetchError(problem: failure.detail) }
        var nothing = ByteBuffer()
        while !channel.isEstablished {
            // No server speaks before it was asked.
            guard try !receive(into: &nothing), nothing.isEmpty else {
                throw FetchError(problem: "The server does not speak TLS as it should.")
            }
        }
    }

    /// Whether the peers agreed to speak HTTP/2.
    var speaksHTTP2: Bool { channel.applicationProtocol == .http2 }

    /// Sends a request.
    func send(_ request: String) throws(FetchError) {
        var output = ByteBuffer()
        output.append(request)
        try send(&output)
    }

    /// Sends all of `output`.
    func send(_ output: inout ByteBuffer) throws(FetchError) {
        while !output.isEmpty {
            switch channel.send(output.span) {
            case .bytes(let count): output.consume(count)
            case .wouldBlock: try wait(for: .writing)
            case .failed(let error): throw FetchError(problem: "\(name): \(error).")
            }
        }
        try flush()
    }

    private func flush() throws(FetchError) {
        while channel.hasUnsent {
            if let failure = channel.flush() { throw FetchError(problem: failure.detail) }
            if channel.hasUnsent { try wait(for: .writing) }
        }
    }

    /// Receives what there is; true once the server has closed its side.
    func receive(into input: inout ByteBuffer) throws(FetchError) -> Bool {
        while true {
            try flush()
            switch channel.receive(into: &input, room: 16 * 1024) {
            case .bytes: return false
            case .end: return true
            case .wouldBlock: try wait(for: .reading)
            case .failed(let failure): throw FetchError(problem: "\(name): \(failure.detail).")
            }
        }
    }

    private func wait(for readiness: Socket.Readiness) throws(FetchError) {
        guard channel.socket.wait(for: readiness, until: deadline) else {
            throw FetchError(problem: "\(name) did not answer in time.")
        }
    }
}
