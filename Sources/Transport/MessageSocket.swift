// A connection between two processes of this machine that keeps messages apart, for what one tells the other.

internal import Glibc

/// One end of the connection; closed when nobody holds it any more.
public final class MessageSocket: Sendable {
    /// What a receive found.
    public enum Received: Equatable, Sendable {
        /// One message, whole.
        case message([UInt8])
        /// Nothing is there yet.
        case nothing
        /// The other end is closed.
        case closed
    }

    /// Most bytes of a message, which a system gives room for that is set up as usual.
    public static let maximumLength = 128 * 1024

    /// The descriptor, for a program that is to inherit it.
    public let descriptor: CInt

    private init(owning descriptor: CInt) {
        self.descriptor = descriptor
    }

    deinit {
        close(descriptor)
    }

    /// Makes two ends that are connected to each other.
    public static func pair() throws(SystemError) -> (MessageSocket, MessageSocket) {
        let type = CInt(SOCK_SEQPACKET.rawValue) | CInt(SOCK_NONBLOCK.rawValue) | CInt(SOCK_CLOEXEC.rawValue)
        var ends: [CInt] = [-1, -1]
        guard unsafe socketpair(AF_UNIX, type, 0, &ends) == 0 else { throw SystemError("socketpair") }
        return (MessageSocket(owning: ends[0]), MessageSocket(owning: ends[1]))
    }

    /// Takes over an end that was open when this program started; nil if the descriptor is something else, and then it
    /// is left alone.
    public static func adopt(_ descriptor: CInt) -> MessageSocket? {
        var type: CInt = 0
        var length = socklen_t(MemoryLayout<CInt>.size)
        guard unsafe getsockopt(descriptor, SOL_SOCKET, SO_TYPE, &type, &length) == 0,
            type == CInt(SOCK_SEQPACKET.rawValue)
        else { return nil }
        _ = fcntl(descriptor, F_SETFD, FD_CLOEXEC)
        _ = fcntl(descriptor, F_SETFL, fcntl(descriptor, F_GETFL) | O_NONBLOCK)
        return MessageSocket(owning: descriptor)
    }

    /// Sends a message of at least one byte; false if it is too long, or if the other end is closed or does not read.
    public func send(_ message: [UInt8]) -> Bool {
        guard message.count <= Self.maximumLength else { return false }
        let count = unsafe message.withUnsafeBytes { bytes in
            unsafe Glibc.send(descriptor, bytes.baseAddress, bytes.count, CInt(MSG_NOSIGNAL))
        }
        return count == message.count
    }

    /// Whether the other end is closed; what it has sent before may still be there to receive.
    public var isClosed: Bool {
        var entry = pollfd(fd: descriptor, events: 0, revents: 0)
        return unsafe poll(&entry, 1, 0) > 0
    }

    /// Takes the next message.
    public func receive() -> Received {
        var message = [UInt8](repeating: 0, count: Self.maximumLength)
        while true {
            let count = unsafe recv(descriptor, &message, message.count, 0)
            if count > 0 { return .message(Array(message.prefix(count))) }
            if count < 0, errno == EINTR { continue }
            return count < 0 && errno == EAGAIN ? .nothing : .closed
        }
    }
}
