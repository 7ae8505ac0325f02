// Fetches the metadata document of a client on this machine.

internal import Bytes
internal import HTTP
internal import HTTP1
internal import Transport

/// One GET with small limits, which follows no redirect.
struct ClientDocumentFetch: ~Copyable {
    private static let limits = MessageLimits(headerBytes: 16 * 1024)

    private static let failure = OAuthError(
        .invalidClient,
        "the client metadata document does not arrive within 3 seconds, with status 200 and at most 16 KiB"
    )

    private let socket: Socket
    private let deadline: Int
    private var input = ByteBuffer()

    private init(_ socket: consuming Socket) {
        self.socket = socket
        deadline = Clock.monotonicMilliseconds + ClientDocumentAddress.timeLimit
    }

    /// The document at `address`.
    ///
    /// - Throws: `invalid_client` if it does not arrive whole, in time and within bounds.
    static func document(at address: ClientDocumentAddress) throws(OAuthError) -> [UInt8] {
        let host = address.host.lowercased() == "localhost" ? "127.0.0.1" : address.host
        guard let place = SocketAddress(host: host, port: address.port), place.isLoopback,
            let socket = try? Socket.connect(to: place)
        else { throw failure }
        var fetch = ClientDocumentFetch(socket)
        try fetch.ask(for: address)
        return try fetch.readDocument()
    }

    private func ask(for address: ClientDocumentAddress) throws(OAuthError) {
        try wait(for: .writable)
        guard socket.takeError() == nil else { throw Self.failure }
        var request = ByteBuffer()
        request.append("GET \(address.target) HTTP/1.1\r\n")
        request.appendField("host", "\(address.host):\(address.port)")
        request.appendField("accept", "application/json")
        request.appendField("connection", "close")
        request.appendHeadEnd()
        while !request.isEmpty {
            guard case .bytes(let count) = socket.send(request.span) else { throw Self.failure }
            request.consume(count)
        }
    }

    private mutating func readDocument() throws(OAuthError) -> [UInt8] {
        var head = ResponseHead()
        var parser = ResponseParser(limits: Self.limits)
        while true {
            do throws(MessageViolation) {
                if let length = try parser.parse(input.span, into: &head, answering: .get) {
                    input.consume(length)
                    break
                }
            } catch {
                throw Self.failure
            }
            guard try receive() else { throw Self.failure }
        }
        guard head.status == 200 else { throw Self.failure }
        var decoder = BodyDecoder(framing: head.framing, limits: Self.limits)
        var document: [UInt8] = []
        while true {
            var offset = 0
            guard let piece = try? decoder.next(input.span, at: &offset) else { throw Self.failure }
            if case .data(let range) = piece {
                document.append(contentsOf: [UInt8](copying: input.span.extracting(range)))
            }
            guard document.count <= ClientDocumentAddress.maximumDocumentLength else { throw Self.failure }
            input.consume(offset)
            if piece == .end { return document }
            guard piece == .more, try !receive() else { continue }
            guard decoder.endsWithConnection else { throw Self.failure }
            return document
        }
    }

    /// Receives something; false at the end of the connection.
    private mutating func receive() throws(OAuthError) -> Bool {
        while true {
            try wait(for: .readable)
            switch socket.receive(into: &input, room: 4096) {
            case .bytes: return true
            case .end: return false
            case .wouldBlock: continue
            case .failed: throw Self.failure
            }
        }
    }

    private func wait(for readiness: Readiness) throws(OAuthError) {
        let left = deadline - Clock.monotonicMilliseconds
        guard left > 0, Readiness.wait(for: readiness, on: socket.descriptor, milliseconds: left) else {
            throw Self.failure
        }
    }
}
