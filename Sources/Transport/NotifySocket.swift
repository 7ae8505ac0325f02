// Datagrams to the socket on which a service manager listens for what its services say of themselves.

internal import Glibc

/// Where such datagrams go: a Unix path, or a name in the abstract space of Linux.
public struct NotifySocket: Sendable {
    private let name: [UInt8]

    /// Reads an absolute path, or `@name` for the abstract space; nil for anything else.
    public init?(_ text: String) {
        // `sun_path` has room for 108 octets, the closing NUL of a path included.
        guard text.hasPrefix("/") || text.hasPrefix("@"), (2..<108).contains(text.utf8.count),
            !text.utf8.contains(0)
        else { return nil }
        name = Array(text.utf8)
    }

    /// Sends `text` as one datagram. Waits a second at most if the receiver is slow.
    public func send(_ text: String) throws(SystemError) {
        let type = CInt(SOCK_DGRAM.rawValue) | CInt(SOCK_CLOEXEC.rawValue)
        let descriptor = socket(AF_UNIX, type, 0)
        guard descriptor >= 0 else { throw SystemError("socket") }
        defer { close(descriptor) }
        var patience = timeval(tv_sec: 1, tv_usec: 0)
        _ = unsafe setsockopt(
            descriptor,
            SOL_SOCKET,
            SO_SNDTIMEO,
            &patience,
            socklen_t(MemoryLayout<timeval>.size)
        )
        var text = text
        let count = text.withUTF8 { bytes in
            unsafe withAddress { address, length in
                unsafe sendto(
                    descriptor,
                    bytes.baseAddress,
                    bytes.count,
                    CInt(MSG_NOSIGNAL),
                    address,
                    length
                )
            }
        }
        guard count >= 0 else { throw SystemError("sendto") }
    }

    private func withAddress<Result>(_ body: (UnsafePointer<sockaddr>, socklen_t) -> Result) -> Result {
        var address = sockaddr_un()
        address.sun_family = sa_family_t(AF_UNIX)
        // The name is shorter than `sun_path`, which is zero. A NUL in front is what makes a name an abstract one; it
        // ends where the length says, a path at its own NUL.
        unsafe withUnsafeMutableBytes(of: &address.sun_path) { unsafe $0.copyBytes(from: name) }
        let isAbstract = name[0] == UInt8(ascii: "@")
        if isAbstract { address.sun_path.0 = 0 }
        let length = MemoryLayout<sa_family_t>.size + name.count + (isAbstract ? 0 : 1)
        return unsafe withUnsafePointer(to: &address) {
            unsafe $0.withMemoryRebound(to: sockaddr.self, capacity: 1) { unsafe body($0, socklen_t(length)) }
        }
    }
}
