// Sockets that another process opened: taken over as they are, refused when they are something else.

import Glibc
import Testing
import Transport

@Suite struct PassedSocketTests {
    /// A descriptor of the same open file, which belongs to whoever adopts it.
    private func copy(_ descriptor: CInt) -> CInt { fcntl(descriptor, F_DUPFD, 0) }

    @Test(arguments: ["127.0.0.1:0", "[::1]:0", "unix"])
    func `a listening socket is taken over with its address and its queue`(text: String) throws {
        let path = temporaryPath("passed-queue")
        defer { _ = unsafe unlink(path) }
        let first = try listening(on: text == "unix" ? "unix:\(path)" : text)
        let address = first.socket.address
        let client = try Socket.connect(to: address)
        #expect(isReady(first.socket.descriptor, POLLIN))
        let adopted = try ListeningSocketBox.adopt(copy(first.socket.descriptor))
        #expect(adopted.socket.address == address)
        #expect(adopted.identity == first.identity)
        #expect(fcntl(adopted.socket.descriptor, F_GETFD) & FD_CLOEXEC != 0)
        var isAccepted = false
        if case .connection = adopted.socket.accept() { isAccepted = true }
        #expect(isAccepted)
        var isEmpty = false
        if case .wouldBlock = adopted.socket.accept() { isEmpty = true }
        #expect(isEmpty)
        #expect(client.descriptor >= 0)
    }

    @Test func `a socket that would block no longer does`() throws {
        let first = try listening(on: "127.0.0.1:0")
        let descriptor = copy(first.socket.descriptor)
        _ = fcntl(descriptor, F_SETFL, fcntl(descriptor, F_GETFL) & ~O_NONBLOCK)
        let adopted = try ListeningSocketBox.adopt(descriptor)
        var isEmpty = false
        if case .wouldBlock = adopted.socket.accept() { isEmpty = true }
        #expect(isEmpty)
    }

    @Test func `what listens on nothing that can be reached is refused, and left open`() throws {
        let pair = try ConnectedSockets("127.0.0.1:0")
        let datagram = socket(AF_INET, CInt(SOCK_DGRAM.rawValue), 0)
        let bound = socket(AF_INET, CInt(SOCK_STREAM.rawValue), 0)
        let unnamed = socket(AF_UNIX, CInt(SOCK_STREAM.rawValue), 0)
        _ = listen(unnamed, 1)
        let file = unsafe open("/dev/null", O_RDONLY)
        defer { for each in [datagram, bound, unnamed, file] { close(each) } }
        // Listening gives it a name of its own; without one it cannot listen.
        let table: [(CInt, PassedSocketError)] = [
            (-1, .closed), (file, .notStreams), (datagram, .notStreams), (bound, .notListening),
            (unnamed, .notListening), (pair.client.descriptor, .notListening),
        ]
        for (descriptor, expected) in table {
            let error = #expect(throws: PassedSocketError.self) { try ListeningSocketBox.adopt(descriptor) }
            #expect(error == expected)
            #expect(descriptor < 0 || fcntl(descriptor, F_GETFD) >= 0)
        }
    }

    @Test func `a Unix socket without a path is refused`() throws {
        let descriptor = socket(AF_UNIX, CInt(SOCK_STREAM.rawValue), 0)
        defer { close(descriptor) }
        var address = sockaddr_un()
        address.sun_family = sa_family_t(AF_UNIX)
        address.sun_path.1 = 0x61
        // The kernel finds a name of its own where only the family is given.
        let length = socklen_t(MemoryLayout<sa_family_t>.size)
        let result = unsafe withUnsafePointer(to: &address) {
            unsafe $0.withMemoryRebound(to: sockaddr.self, capacity: 1) {
                unsafe Glibc.bind(descriptor, $0, length)
            }
        }
        try #require(result == 0 && listen(descriptor, 1) == 0)
        let error = #expect(throws: PassedSocketError.self) { try ListeningSocketBox.adopt(descriptor) }
        #expect(error == .foreignAddress)
    }

    @Test func `sockets that share their address get more of their kind`() throws {
        let sockets = try ListeningSocket.open(try #require(SocketAddress("127.0.0.1:0")), count: 2)
        let all = try ListeningSocketBox.complete(sockets, to: 5, isWaiting: false)
        #expect(all.count == 5)
        #expect(Set(all.map(\.identity)).count == 5)
        let first = try #require(sockets.first).socket.address
        #expect(all.allSatisfy { $0.socket.address == first })
    }

    @Test func `those that are added for a process that waits get no connection before it listens`() throws {
        let sockets = try ListeningSocket.open(try #require(SocketAddress("127.0.0.1:0")), count: 1)
        let first = try #require(sockets.first)
        let all = try ListeningSocketBox.complete(sockets, to: 4, isWaiting: true)
        let clients = try (0..<20).map { _ in
            let client = try Socket.connect(to: first.socket.address)
            #expect(isReady(client.descriptor, POLLOUT))
            return SocketKeeper(client)
        }
        var accepted = 0
        while case .connection = first.socket.accept() { accepted += 1 }
        #expect(accepted == clients.count)
        for box in all { try box.socket.listen() }
        let more = try (0..<40).map { _ in
            let client = try Socket.connect(to: first.socket.address)
            #expect(isReady(client.descriptor, POLLOUT))
            return SocketKeeper(client)
        }
        let takers = all.filter { box in
            if case .connection = box.socket.accept() { true } else { false }
        }
        #expect(takers.count > 1 && more.count == 40)
    }

    @Test func `a socket that does not share its address is duplicated`() throws {
        let descriptor = socket(AF_INET, CInt(SOCK_STREAM.rawValue), 0)
        try #require(listen(descriptor, 8) == 0)
        let single = try ListeningSocketBox.adopt(descriptor)
        let all = try ListeningSocketBox.complete([single], to: 3, isWaiting: true)
        #expect(all.count == 3)
        #expect(Set(all.map(\.identity)).count == 1)
    }

    @Test func `none is closed where there are more than workers`() throws {
        let sockets = try ListeningSocket.open(try #require(SocketAddress("127.0.0.1:0")), count: 4)
        #expect(try ListeningSocketBox.complete(sockets, to: 2, isWaiting: false).count == 4)
    }

    @Test func `a connection that waits lives on when one of two holders closes the socket`() throws {
        var first: ListeningSocketBox? = try listening(on: "127.0.0.1:0")
        let address = try #require(first).socket.address
        let adopted = try ListeningSocketBox.adopt(copy(try #require(first).socket.descriptor))
        let client = try Socket.connect(to: address)
        #expect(isReady(client.descriptor, POLLOUT))
        first = nil
        var isAccepted = false
        if case .connection = adopted.socket.accept() { isAccepted = true }
        #expect(isAccepted)
    }
}

/// Keeps a socket open, and fits into a list.
private final class SocketKeeper: Sendable {
    private let socket: Socket

    init(_ socket: consuming Socket) {
        self.socket = socket
    }
}
