// Two real sockets that are connected to each other, and waiting for them.

import Bytes
import Glibc
import Testing
import Transport

/// A client's socket and the server's end of it, over a family of choice.
struct ConnectedSockets: ~Copyable {
    let client: Socket
    let server: Socket

    private init(client: consuming Socket, server: consuming Socket) {
        self.client = client
        self.server = server
    }

    init(_ address: String) throws {
        let listener = try listening(on: address)
        let client = try Socket.connect(to: listener.socket.address)
        try #require(isReady(listener.socket.descriptor, POLLIN))
        try #require(isReady(client.descriptor, POLLOUT))
        self.init(client: client, server: try Self.accept(listener))
    }

    private static func accept(_ listener: ListeningSocketBox) throws -> Socket {
        switch listener.socket.accept() {
        case .connection(let socket, _): return socket
        default: throw SystemError("accept4", ECONNABORTED)
        }
    }
}

extension Socket {
    /// Everything that is there to receive within five seconds up to `count` bytes or another end.
    borrowing func receive(_ count: Int) -> (octets: [UInt8], last: ReceiveResult) {
        var buffer = ByteBuffer()
        var last = ReceiveResult.wouldBlock
        while buffer.count < count {
            last = receive(into: &buffer, room: min(count - buffer.count, 65536))
            if last == .wouldBlock, !isReady(descriptor, POLLIN) { break }
            if case .bytes = last { continue }
            if last != .wouldBlock { break }
        }
        return (Array(copying: buffer.span), last)
    }
}

/// One socket that listens on `text`.
func listening(on text: String) throws -> ListeningSocketBox {
    let address = try #require(SocketAddress(text))
    let sockets = try ListeningSocket.open(address, count: 1)
    return try #require(sockets.first)
}

/// `POLLRDHUP`, which Swift does not import.
let hangUp: CInt = 0x2000

/// Whether `descriptor` becomes ready for `events` within `milliseconds`.
func isReady(_ descriptor: CInt, _ events: CInt, within milliseconds: CInt = 5_000) -> Bool {
    var entry = pollfd(fd: descriptor, events: Int16(events), revents: 0)
    return unsafe poll(&entry, 1, milliseconds) > 0
}

/// Number of open descriptors of this process.
func descriptorCount() -> Int {
    (0..<1024).count { fcntl($0, F_GETFD) >= 0 }
}

/// A path in the temporary folder that nothing stands at.
func temporaryPath(_ name: String) -> String {
    let path = "/tmp/audgate-\(getpid())-\(name)"
    _ = unsafe unlink(path)
    return path
}
