// Listening sockets that another process opened: checked before they are believed, and enough of them for all workers.

internal import Glibc

/// Why a descriptor that was passed to this process is not taken as a listening socket.
public enum PassedSocketError: Error, Equatable, Sendable {
    /// Nothing is open under the number.
    case closed
    /// It is something else than a socket, or a socket that carries no streams.
    case notStreams
    /// It is a socket, but it does not listen.
    case notListening
    /// Its address is of a family that audgate does not use, or a Unix socket without a path.
    case foreignAddress

    /// What is wrong, as the end of a sentence without its full stop.
    public var reason: String {
        switch self {
        case .closed: "is not open"
        case .notStreams: "is no stream socket"
        case .notListening: "does not listen"
        case .foreignAddress: "listens on no IPv4 or IPv6 address and no Unix path"
        }
    }
}

extension ListeningSocketBox {
    /// Takes over a descriptor that was open when this program started.
    ///
    /// The socket itself may belong to others as well: closing this descriptor does not end it.
    ///
    /// - Parameter descriptor: Must belong to nobody else in this process. It is left alone when it is refused.
    public static func adopt(_ descriptor: CInt) throws(PassedSocketError) -> ListeningSocketBox {
        guard fcntl(descriptor, F_GETFD) >= 0 else { throw .closed }
        guard option(SO_TYPE, of: descriptor) == CInt(SOCK_STREAM.rawValue) else { throw .notStreams }
        guard option(SO_ACCEPTCONN, of: descriptor) == 1 else { throw .notListening }
        guard let address = ListeningSocket.localAddress(of: descriptor), address.kind != .unix("") else {
            throw .foreignAddress
        }
        _ = fcntl(descriptor, F_SETFD, FD_CLOEXEC)
        _ = fcntl(descriptor, F_SETFL, fcntl(descriptor, F_GETFL) | O_NONBLOCK)
        let socket = Socket(owning: descriptor)
        socket.disableDelay()
        return ListeningSocketBox(ListeningSocket(socket, address))
    }

    /// Adds to sockets of one address until each of `count` workers can have one.
    ///
    /// Sockets that share their address (`SO_REUSEPORT`) get more of their kind; others are duplicated, and so is what
    /// the system opens no second time.
    ///
    /// - Parameters:
    ///   - sockets: At least one; all of them are in the result, even if they are more than `count`.
    ///   - count: How many there are to be at least.
    ///   - isWaiting: Whether those that are added do not listen yet: connections that the kernel gave them would wait
    ///     for nobody, or be reset, if this process never accepted.
    public static func complete(
        _ sockets: [ListeningSocketBox],
        to count: Int,
        isWaiting: Bool
    ) throws(SystemError) -> [ListeningSocketBox] {
        var all = sockets
        while all.count < count {
            let model = sockets[all.count % sockets.count]
            if option(SO_REUSEPORT, of: model.socket.descriptor) == 1,
                let another = try? ListeningSocket.reserveAnother(at: model.socket.address)
            {
                if !isWaiting { try another.listen() }
                all.append(ListeningSocketBox(another))
            } else {
                all.append(try model.socket.duplicate())
            }
        }
        return all
    }

    /// The number of the open file: duplicates of a descriptor, in any process, have the same.
    public var identity: UInt64 {
        var status = stat()
        guard unsafe fstat(socket.descriptor, &status) == 0 else { return 0 }
        return UInt64(status.st_ino)
    }

    private static func option(_ option: CInt, of descriptor: CInt) -> CInt? {
        var value: CInt = 0
        var length = socklen_t(MemoryLayout<CInt>.size)
        guard unsafe getsockopt(descriptor, SOL_SOCKET, option, &value, &length) == 0 else { return nil }
        return value
    }
}
