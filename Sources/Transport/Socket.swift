// A connected stream socket: the only code that receives and sends.

public import Bytes
internal import CLinux
internal import Glibc

/// What a receive found.
public enum ReceiveResult: Sendable, Equatable {
    /// This many bytes, at least one.
    case bytes(Int)
    /// The peer will send no more.
    case end
    /// Nothing is there yet.
    case wouldBlock
    /// The connection is dead.
    case failed(SystemError)
}

/// What a send did.
public enum SendResult: Sendable, Equatable {
    /// The kernel took this many bytes, at least one.
    case bytes(Int)
    /// The kernel has no room now.
    case wouldBlock
    /// The connection is dead.
    case failed(SystemError)
}

/// A stream socket that never blocks, closed when its owner lets go of it.
public struct Socket: ~Copyable, Sendable {
    /// The descriptor, for registering with a `Poller`; valid as long as the value lives.
    public let descriptor: CInt

    /// Takes over `descriptor`, which must be open and belong to nobody else.
    init(owning descriptor: CInt) {
        self.descriptor = descriptor
    }

    deinit {
        // The result tells nothing that could be acted on; Linux closes even when interrupted.
        close(descriptor)
    }

    /// Starts connecting to `address`.
    ///
    /// - Returns: The socket; writable readiness and `takeError()` tell how it went.
    /// - Throws: What made it fail at once.
    public static func connect(to address: SocketAddress) throws(SystemError) -> Socket {
        let type = CInt(SOCK_STREAM.rawValue) | CInt(SOCK_NONBLOCK.rawValue) | CInt(SOCK_CLOEXEC.rawValue)
        let descriptor = socket(address.family, type, 0)
        guard descriptor >= 0 else { throw SystemError("socket") }
        let connecting = Socket(owning: descriptor)
        connecting.disableDelay()
        let result = unsafe address.withSockaddr { unsafe Glibc.connect(descriptor, $0, $1) }
        guard result == 0 || errno == EINPROGRESS || errno == EINTR else { throw SystemError("connect") }
        return connecting
    }

    /// Receives up to `room` bytes, which is at least 1, to the end of `buffer`; a peek leaves them in the socket.
    public func receive(into buffer: inout ByteBuffer, room: Int, isPeek: Bool = false) -> ReceiveResult {
        let flags = isPeek ? CInt(MSG_PEEK) : 0
        var result = ReceiveResult.wouldBlock
        _ = unsafe buffer.write(room: room) { memory in
            while true {
                let count = unsafe recv(descriptor, memory.baseAddress, memory.count, flags)
                if count > 0 { result = .bytes(count) }
                if count == 0 { result = .end }
                guard count < 0 else { return count }
                if errno == EINTR { continue }
                result = errno == EAGAIN ? .wouldBlock : .failed(SystemError("recv"))
                return 0
            }
        }
        return result
    }

    /// Sends from the start of `bytes`, which is not empty, as much as the kernel takes.
    public func send(_ bytes: borrowing Span<UInt8>) -> SendResult {
        unsafe bytes.withUnsafeBufferPointer { memory in
            while true {
                let count = unsafe Glibc.send(
                    descriptor,
                    memory.baseAddress,
                    memory.count,
                    CInt(MSG_NOSIGNAL)
                )
                if count >= 0 { return .bytes(count) }
                if errno == EINTR { continue }
                return errno == EAGAIN ? .wouldBlock : .failed(SystemError("send"))
            }
        }
    }

    /// Tells the peer that nothing more will be sent; receiving goes on.
    public func shutDownSending() {
        _ = shutdown(descriptor, CInt(SHUT_WR))
    }

    /// Makes closing send a reset, so that the peer cannot take what it got for all there was.
    public func resetOnClose() {
        set(SOL_SOCKET, SO_LINGER, linger(l_onoff: 1, l_linger: 0))
    }

    /// The error that a connection attempt ended with, nil if it is connected.
    public func takeError() -> SystemError? {
        var code: CInt = 0
        var length = socklen_t(MemoryLayout<CInt>.size)
        guard unsafe getsockopt(descriptor, SOL_SOCKET, SO_ERROR, &code, &length) == 0 else {
            return SystemError("getsockopt")
        }
        return code == 0 ? nil : SystemError("connect", code)
    }

    /// Number of octets that the peer has acknowledged so far; nil where the kernel can't tell (Unix sockets).
    public var acknowledgedBytes: Int? {
        let count = audgate_tcp_bytes_acknowledged(descriptor)
        return count >= 0 ? Int(count) : nil
    }

    /// The address of the other side, nil when it is gone.
    public var peer: SocketAddress? {
        var storage = sockaddr_storage()
        var length = socklen_t(MemoryLayout<sockaddr_storage>.size)
        let result = unsafe withUnsafeMutablePointer(to: &storage) {
            unsafe $0.withMemoryRebound(to: sockaddr.self, capacity: 1) {
                unsafe getpeername(descriptor, $0, &length)
            }
        }
        return result == 0 ? SocketAddress(storage) : nil
    }

    /// Sends small segments at once; without effect on Unix sockets.
    func disableDelay() {
        set(CInt(IPPROTO_TCP), TCP_NODELAY, CInt(1))
    }

    private func set<Value: BitwiseCopyable>(_ level: CInt, _ option: CInt, _ value: Value) {
        var value = value
        _ = unsafe setsockopt(descriptor, level, option, &value, socklen_t(MemoryLayout<Value>.size))
    }
}
