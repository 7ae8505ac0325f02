// Sockets that take connections: one for each worker and address, so that the kernel spreads the load.

internal import CLinux
internal import Glibc

/// What an accept found.
public enum AcceptResult: ~Copyable, Sendable {
    /// A connection, and where it comes from.
    case connection(Socket, SocketAddress)
    /// Nobody waits.
    case wouldBlock
    /// Descriptors or memory have run out: stop accepting for a while.
    case exhausted(SystemError)
}

/// A socket in the listening state.
public struct ListeningSocket: ~Copyable, Sendable {
    /// Most connections that wait for being accepted.
    public static let backlog: CInt = 4096

    private let socket: Socket

    /// The address that it listens on; the port is the real one where 0 was asked for.
    public let address: SocketAddress

    /// The descriptor, for registering with a `Poller`.
    public var descriptor: CInt { socket.descriptor }

    init(_ socket: consuming Socket, _ address: SocketAddress) {
        self.socket = socket
        self.address = address
    }

    /// Opens `count` sockets that share `address`.
    ///
    /// For TCP each has its own queue (`SO_REUSEPORT`), after a trial that nobody else has the address. For a Unix
    /// path all are duplicates of one socket; a stale file at the path is removed, a live one is an error.
    public static func open(_ address: SocketAddress, count: Int) throws(SystemError) -> [ListeningSocketBox]
    {
        if case .unix(let path) = address.kind { return try openUnix(address, path: path, count: count) }
        let trial = try bind(address, isShared: false)
        let actual = localAddress(of: trial.descriptor) ?? address
        discard(trial)
        var sockets: [ListeningSocketBox] = []
        for _ in 0..<count {
            let socket = try reserveAnother(at: actual)
            try socket.listen()
            sockets.append(ListeningSocketBox(socket))
        }
        return sockets
    }

    /// Makes a socket that shares its address with others of the same kind, and that does not listen yet: the kernel
    /// gives it connections as soon as it does.
    static func reserveAnother(at address: SocketAddress) throws(SystemError) -> ListeningSocket {
        ListeningSocket(try bind(address, isShared: true), address)
    }

    /// Begins to listen; nothing changes for a socket that listens already.
    public func listen() throws(SystemError) {
        guard Glibc.listen(descriptor, Self.backlog) == 0 else { throw SystemError("listen") }
    }

    private static func openUnix(
        _ address: SocketAddress,
        path: String,
        count: Int
    ) throws(SystemError) -> [ListeningSocketBox] {
        try removeStale(address, path: path)
        let first = try bind(address, isShared: false)
        let socket = ListeningSocket(first, address)
        try socket.listen()
        var sockets: [ListeningSocketBox] = []
        for _ in 1..<max(count, 1) { sockets.append(try socket.duplicate()) }
        sockets.append(ListeningSocketBox(socket))
        return sockets
    }

    /// Another descriptor of the same socket, with the same queue.
    func duplicate() throws(SystemError) -> ListeningSocketBox {
        let duplicate = fcntl(descriptor, F_DUPFD_CLOEXEC, 0)
        guard duplicate >= 0 else { throw SystemError("fcntl") }
        return ListeningSocketBox(ListeningSocket(Socket(owning: duplicate), address))
    }

    /// Removes the socket at `path` that nobody listens on any more, and nothing else: Linux refuses connections to
    /// ordinary files just the same.
    private static func removeStale(_ address: SocketAddress, path: String) throws(SystemError) {
        var status = stat()
        guard unsafe lstat(path, &status) == 0, status.st_mode & S_IFMT == S_IFSOCK else { return }
        do {
            discard(try Socket.connect(to: address))
        } catch {
            if error.code == ECONNREFUSED { _ = unsafe unlink(path) }
            return
        }
        throw SystemError("bind", EADDRINUSE)
    }

    private static func discard(_ socket: consuming Socket) {}

    private static func bind(_ address: SocketAddress, isShared: Bool) throws(SystemError) -> Socket {
        let type = CInt(SOCK_STREAM.rawValue) | CInt(SOCK_NONBLOCK.rawValue) | CInt(SOCK_CLOEXEC.rawValue)
        let descriptor = Glibc.socket(address.family, type, 0)
        guard descriptor >= 0 else { throw SystemError("socket") }
        let socket = Socket(owning: descriptor)
        socket.setFlag(SOL_SOCKET, SO_REUSEADDR)
        if isShared { socket.setFlag(SOL_SOCKET, SO_REUSEPORT) }
        // "[::]" means IPv6 alone; who wants both families lists both.
        if case .ipv6 = address.kind { socket.setFlag(CInt(IPPROTO_IPV6), IPV6_V6ONLY) }
        // Accepted sockets inherit it on Linux, which saves a call for each.
        socket.disableDelay()
        guard unsafe address.withSockaddr({ unsafe Glibc.bind(descriptor, $0, $1) }) == 0 else {
            throw SystemError("bind")
        }
        return socket
    }

    static func localAddress(of descriptor: CInt) -> SocketAddress? {
        var storage = sockaddr_storage()
        var length = socklen_t(MemoryLayout<sockaddr_storage>.size)
        let result = unsafe withUnsafeMutablePointer(to: &storage) {
            unsafe $0.withMemoryRebound(to: sockaddr.self, capacity: 1) {
                unsafe getsockname(descriptor, $0, &length)
            }
        }
        return result == 0 ? SocketAddress(storage) : nil
    }

    /// Takes the next connection.
    public func accept() -> AcceptResult {
        while true {
            var storage = sockaddr_storage()
            var length = socklen_t(MemoryLayout<sockaddr_storage>.size)
            let descriptor = unsafe audgate_accept(self.descriptor, &storage, &length)
            if descriptor >= 0 {
                return .connection(Socket(owning: descriptor), SocketAddress(storage) ?? address)
            }
            switch errno {
            case EAGAIN: return .wouldBlock
            case EMFILE, ENFILE, ENOBUFS, ENOMEM: return .exhausted(SystemError("accept4"))
            // EINTR, ECONNABORTED and errors of the one connection: the next may be fine.
            case EINTR, ECONNABORTED, EPROTO, ENETDOWN, ENOPROTOOPT, EHOSTDOWN, ENONET, EHOSTUNREACH,
                ENETUNREACH,
                EPERM:
                continue
            default: return .wouldBlock
            }
        }
    }
}

/// A listening socket on its way to the worker that will own it.
public final class ListeningSocketBox: Sendable {
    /// The socket.
    public let socket: ListeningSocket

    init(_ socket: consuming ListeningSocket) {
        self.socket = socket
    }
}

extension Socket {
    /// Switches a boolean option on; a family that lacks it ignores it.
    fileprivate func setFlag(_ level: CInt, _ option: CInt) {
        var on: CInt = 1
        _ = unsafe setsockopt(descriptor, level, option, &on, socklen_t(MemoryLayout<CInt>.size))
    }
}
