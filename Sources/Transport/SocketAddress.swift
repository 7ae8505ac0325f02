// Where a socket listens or connects: IPv4, IPv6 or a Unix path.

internal import Glibc

/// An address of the families that audgate uses.
public struct SocketAddress: Sendable {
    /// What kind of address it is, with its parts.
    public enum Kind: Sendable, Hashable {
        /// An IPv4 address in network order, and a port.
        case ipv4(UInt32, port: UInt16)
        /// The sixteen octets of an IPv6 address, a port, and the interface that a link-local address belongs to.
        case ipv6([UInt8], port: UInt16, scope: UInt32)
        /// The path of a Unix socket.
        case unix(String)
    }

    /// The address.
    public let kind: Kind

    /// Makes an address from its parts.
    public init(_ kind: Kind) {
        self.kind = kind
    }

    /// Reads `host:port`, `[v6]:port` or `unix:/path`; the host must be an address, not a name.
    public init?(_ text: String) {
        if text.hasPrefix("unix:") {
            let path = String(text.dropFirst(5))
            // `sun_path` has room for 108 octets, the closing NUL included.
            guard path.hasPrefix("/"), path.utf8.count < 108, !path.utf8.contains(0) else { return nil }
            self.init(.unix(path))
            return
        }
        guard let colon = text.lastIndex(of: ":"), let port = Self.port(text[text.index(after: colon)...])
        else {
            return nil
        }
        let host = text[..<colon]
        // Without brackets the last group of an IPv6 address could be the port.
        guard host.hasPrefix("[") || !host.contains(":") else { return nil }
        self.init(host: String(host), port: port)
    }

    /// Reads an IPv4 address, or an IPv6 address with or without brackets; nil for a name.
    public init?(host: String, port: UInt16) {
        // The C library would stop reading there.
        guard !host.utf8.contains(0) else { return nil }
        var v4 = in_addr()
        if unsafe inet_pton(AF_INET, host, &v4) == 1 {
            self.init(.ipv4(v4.s_addr, port: port))
            return
        }
        let isBracketed = host.hasPrefix("[") && host.hasSuffix("]")
        var octets = [UInt8](repeating: 0, count: 16)
        guard
            unsafe inet_pton(AF_INET6, isBracketed ? String(host.dropFirst().dropLast()) : host, &octets) == 1
        else { return nil }
        self.init(.ipv6(octets, port: port, scope: 0))
    }

    private static func port(_ text: Substring) -> UInt16? {
        guard !text.isEmpty, text.utf8.allSatisfy({ $0 >= 0x30 && $0 <= 0x39 }) else { return nil }
        return UInt16(text)
    }

    /// Copies an address that the kernel or the resolver wrote; nil if its family is another.
    init?(_ storage: sockaddr_storage) {
        var storage = storage
        // Reading a `sockaddr_storage` as the type that its family names is what it exists for.
        switch CInt(storage.ss_family) {
        case AF_INET:
            let address = unsafe withUnsafeBytes(of: &storage) {
                unsafe $0.loadUnaligned(as: sockaddr_in.self)
            }
            kind = .ipv4(address.sin_addr.s_addr, port: UInt16(bigEndian: address.sin_port))
        case AF_INET6:
            let address = unsafe withUnsafeBytes(of: &storage) {
                unsafe $0.loadUnaligned(as: sockaddr_in6.self)
            }
            let octets = unsafe withUnsafeBytes(of: address.sin6_addr) { unsafe Array($0) }
            kind = .ipv6(octets, port: UInt16(bigEndian: address.sin6_port), scope: address.sin6_scope_id)
        case AF_UNIX:
            // Clients have no path as a rule, and what is in the abstract space has none either.
            let path = unsafe withUnsafeBytes(of: &storage) {
                unsafe Array($0.dropFirst(MemoryLayout<sa_family_t>.size).prefix(108).prefix { $0 != 0 })
            }
            kind = .unix(String(decoding: path, as: UTF8.self))
        default: return nil
        }
    }

    /// The same host with another port; a Unix path stays as it is.
    public func with(port: UInt16) -> SocketAddress {
        switch kind {
        case .ipv4(let address, _): SocketAddress(.ipv4(address, port: port))
        case .ipv6(let octets, _, let scope): SocketAddress(.ipv6(octets, port: port, scope: scope))
        case .unix: self
        }
    }

    /// Whether only this machine can reach the address.
    public var isLoopback: Bool {
        switch kind {
        case .ipv4(let address, _): UInt32(bigEndian: address) >> 24 == 127
        case .ipv6(let octets, _, _):
            octets == [UInt8](repeating: 0, count: 15) + [1]
                || (octets.starts(with: [0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xFF, 0xFF, 127]))
        case .unix: true
        }
    }

    /// The address without its port, as logs and `X-Forwarded-For` show it.
    public var host: String {
        switch kind {
        case .ipv4(let address, _):
            let value = UInt32(bigEndian: address)
            return "\(value >> 24).\(value >> 16 & 0xFF).\(value >> 8 & 0xFF).\(value & 0xFF)"
        case .ipv6(let octets, _, _):
            var octets = octets
            var text = [CChar](repeating: 0, count: Int(INET6_ADDRSTRLEN))
            guard let written = unsafe inet_ntop(AF_INET6, &octets, &text, socklen_t(text.count)) else {
                return "::"
            }
            return unsafe String(cString: written)
        case .unix: return "unix"
        }
    }

    /// The address without its port, as it stands in URLs and in `Host`: those of IPv6 in brackets.
    public var uriHost: String {
        if case .ipv6 = kind { "[\(host)]" } else { host }
    }

    /// Whether a listener there listens on all addresses of the machine.
    public var isUnspecified: Bool {
        switch kind {
        case .ipv4(let address, _): address == 0
        case .ipv6(let octets, _, _): octets.allSatisfy { $0 == 0 }
        case .unix: false
        }
    }

    /// Whether listeners cannot be there and at `other` at a time: the port is the same, and the host or one of the hosts
    /// is all of the machine.
    public func overlaps(_ other: SocketAddress) -> Bool {
        switch (kind, other.kind) {
        case (.ipv4(let address, let port), .ipv4(let otherAddress, let otherPort)):
            port == otherPort && (address == otherAddress || isUnspecified || other.isUnspecified)
        case (.ipv6(let octets, let port, _), .ipv6(let otherOctets, let otherPort, _)):
            port == otherPort && (octets == otherOctets || isUnspecified || other.isUnspecified)
        case (.unix(let path), .unix(let otherPath)): path == otherPath
        default: false
        }
    }

    /// The address family of `socket(2)`.
    var family: CInt {
        switch kind {
        case .ipv4: AF_INET
        case .ipv6: AF_INET6
        case .unix: AF_UNIX
        }
    }

    /// Calls `body` with the address as the kernel wants it.
    func withSockaddr<Result>(_ body: (UnsafePointer<sockaddr>, socklen_t) -> Result) -> Result {
        var storage = sockaddr_storage()
        let length = unsafe withUnsafeMutableBytes(of: &storage) { unsafe write(to: $0) }
        return unsafe withUnsafePointer(to: &storage) {
            unsafe $0.withMemoryRebound(to: sockaddr.self, capacity: 1) { unsafe body($0, socklen_t(length)) }
        }
    }

    /// Lays the address out in `bytes`, which has the size of a `sockaddr_storage`, and returns its length.
    private func write(to bytes: UnsafeMutableRawBufferPointer) -> Int {
        switch kind {
        case .ipv4(let host, let port):
            var address = sockaddr_in()
            address.sin_family = sa_family_t(AF_INET)
            address.sin_port = port.bigEndian
            address.sin_addr.s_addr = host
            unsafe bytes.storeBytes(of: address, as: sockaddr_in.self)
            return MemoryLayout<sockaddr_in>.size
        case .ipv6(let octets, let port, let scope):
            var address = sockaddr_in6()
            address.sin6_family = sa_family_t(AF_INET6)
            address.sin6_port = port.bigEndian
            address.sin6_scope_id = scope
            unsafe withUnsafeMutableBytes(of: &address.sin6_addr) { unsafe $0.copyBytes(from: octets) }
            unsafe bytes.storeBytes(of: address, as: sockaddr_in6.self)
            return MemoryLayout<sockaddr_in6>.size
        case .unix(let path):
            unsafe bytes.storeBytes(of: sa_family_t(AF_UNIX), as: sa_family_t.self)
            let offset = MemoryLayout<sa_family_t>.size
            unsafe UnsafeMutableRawBufferPointer(rebasing: bytes[offset...]).copyBytes(from: path.utf8)
            return offset + path.utf8.count + 1
        }
    }
}

extension SocketAddress: CustomStringConvertible, Hashable {
    /// The address in the form that `init(_:)` reads.
    public var description: String {
        switch kind {
        case .ipv4(_, let port): "\(host):\(port)"
        case .ipv6(_, let port, _): "[\(host)]:\(port)"
        case .unix(let path): "unix:\(path)"
        }
    }

    /// Compares family, host, port and scope.
    public static func == (left: SocketAddress, right: SocketAddress) -> Bool {
        left.kind == right.kind
    }

    /// Feeds the same to `hasher`.
    public func hash(into hasher: inout Hasher) {
        hasher.combine(kind)
    }
}
