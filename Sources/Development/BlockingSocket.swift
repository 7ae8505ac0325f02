// A TCP socket on loopback that blocks: enough for a server whose connections have a thread each.

internal import Bytes
internal import Glibc

/// Owns one descriptor.
struct BlockingSocket: ~Copyable, Sendable {
    /// The descriptor, to be shut down from another thread while this one blocks.
    let descriptor: Int32

    private init(_ descriptor: Int32) {
        self.descriptor = descriptor
    }

    deinit {
        close(descriptor)
    }

    /// Why a call on a socket failed: the system's `errno`.
    struct Failure: Error, Equatable {
        let number: Int32
    }

    /// Listens at `address`.
    init(listeningAt address: LoopbackAddress) throws(Failure) {
        self.init(try Self.open(address))
        var isOn: Int32 = 1
        let size = socklen_t(MemoryLayout<Int32>.size)
        guard unsafe setsockopt(descriptor, SOL_SOCKET, SO_REUSEADDR, &isOn, size) == 0,
            Self.withSystemAddress(address, { unsafe bind(descriptor, $0, $1) }) == 0, listen(descriptor, 64) == 0
        else { throw Failure(number: errno) }
    }

    /// Connects to `address`.
    init(connectingTo address: LoopbackAddress) throws(Failure) {
        self.init(try Self.open(address))
        guard Self.withSystemAddress(address, { unsafe connect(descriptor, $0, $1) }) == 0 else {
            throw Failure(number: errno)
        }
    }

    /// The next connection of a listening socket.
    func accept() throws(Failure) -> BlockingSocket {
        let connection = unsafe Glibc.accept4(descriptor, nil, nil, Int32(SOCK_CLOEXEC.rawValue))
        guard connection >= 0 else { throw Failure(number: errno) }
        return BlockingSocket(connection)
    }

    /// The port that a listening socket has.
    var port: UInt16 {
        var address = sockaddr_storage()
        var length = socklen_t(MemoryLayout<sockaddr_storage>.size)
        // The system writes at most `length` bytes; the port stands at the same place in both families.
        return unsafe withUnsafeMutableBytes(of: &address) { bytes in
            guard let base = bytes.baseAddress else { return 0 }
            let pointer = unsafe base.assumingMemoryBound(to: sockaddr.self)
            guard unsafe getsockname(descriptor, pointer, &length) == 0 else { return 0 }
            return unsafe UInt16(bigEndian: bytes.loadUnaligned(fromByteOffset: 2, as: UInt16.self))
        }
    }

    /// Lets later calls fail after `milliseconds` without progress, and sends small pieces at once.
    func setTimeLimit(milliseconds: Int) {
        var limit = timeval(tv_sec: milliseconds / 1000, tv_usec: milliseconds % 1000 * 1000)
        let size = socklen_t(MemoryLayout<timeval>.size)
        var isOn: Int32 = 1
        _ = unsafe setsockopt(descriptor, SOL_SOCKET, SO_RCVTIMEO, &limit, size)
        _ = unsafe setsockopt(descriptor, SOL_SOCKET, SO_SNDTIMEO, &limit, size)
        _ = unsafe setsockopt(
            descriptor, Int32(IPPROTO_TCP), TCP_NODELAY, &isOn, socklen_t(MemoryLayout<Int32>.size)
        )
    }

    /// Appends what has arrived to `buffer`, waiting for it if need be.
    ///
    /// - Returns: Whether something arrived; false at the end, after the time limit and on errors.
    func receive(into buffer: inout ByteBuffer) -> Bool {
        while true {
            // The buffer offers the memory that it has made room for.
            let count = unsafe buffer.write(room: 16 * 1024) { room in
                unsafe recv(descriptor, room.baseAddress, room.count, 0)
            }
            if count < 0, errno == EINTR { continue }
            return count > 0
        }
    }

    /// Sends all of `buffer`.
    ///
    /// - Returns: Whether everything was handed over to the system.
    func send(_ buffer: inout ByteBuffer) -> Bool {
        while !buffer.isEmpty {
            let count = unsafe buffer.span.withUnsafeBufferPointer { bytes in
                unsafe Glibc.send(descriptor, bytes.baseAddress, bytes.count, Int32(MSG_NOSIGNAL.rawValue))
            }
            if count < 0, errno == EINTR { continue }
            guard count > 0 else { return false }
            buffer.consume(count)
        }
        return true
    }

    /// Waits for `milliseconds`.
    ///
    /// - Returns: Whether the other side hung up meanwhile.
    func hangsUp(within milliseconds: Int) -> Bool {
        var state = pollfd(fd: descriptor, events: Int16(POLLRDHUP), revents: 0)
        return unsafe poll(&state, 1, Int32(clamping: milliseconds)) > 0
    }

    private static func open(_ address: LoopbackAddress) throws(Failure) -> Int32 {
        let type = Int32(SOCK_STREAM.rawValue | SOCK_CLOEXEC.rawValue)
        let descriptor = socket(address.isIPv6 ? AF_INET6 : AF_INET, type, 0)
        guard descriptor >= 0 else { throw Failure(number: errno) }
        return descriptor
    }

    /// Calls `body` with `address` in the form that the system wants.
    private static func withSystemAddress(
        _ address: LoopbackAddress,
        _ body: (UnsafePointer<sockaddr>, socklen_t) -> Int32
    ) -> Int32 {
        // Both structures begin like `sockaddr`, and live until `body` returns.
        if address.isIPv6 {
            var system = sockaddr_in6()
            system.sin6_family = sa_family_t(AF_INET6)
            system.sin6_port = address.port.bigEndian
            unsafe system.sin6_addr = in6addr_loopback
            return unsafe withUnsafePointer(to: &system) { pointer in
                unsafe pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) { rebound in
                    unsafe body(rebound, socklen_t(MemoryLayout<sockaddr_in6>.size))
                }
            }
        }
        var system = sockaddr_in()
        system.sin_family = sa_family_t(AF_INET)
        system.sin_port = address.port.bigEndian
        system.sin_addr.s_addr = in_addr_t(INADDR_LOOPBACK).bigEndian
        return unsafe withUnsafePointer(to: &system) { pointer in
            unsafe pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) { rebound in
                unsafe body(rebound, socklen_t(MemoryLayout<sockaddr_in>.size))
            }
        }
    }
}
