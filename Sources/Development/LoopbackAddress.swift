// Where a development server may listen.

/// A port on this machine's loopback interface.
struct LoopbackAddress: Sendable, Equatable {
    /// Whether the interface is that of IPv6.
    let isIPv6: Bool
    /// The port; 0 lets the system choose.
    let port: UInt16

    /// Takes `127.0.0.1:port`, `localhost:port` or `[::1]:port`, nil for anything else.
    init?(_ text: String) {
        let host = LoopbackHost.host(ofAuthority: text)
        let suffix = text.dropFirst(host.count)
        guard suffix.hasPrefix(":"), let port = UInt16(suffix.dropFirst()) else { return nil }
        self.init(host: host, port: port)
    }

    /// Takes a loopback host and a port, nil for any other host.
    init?(host: String, port: UInt16) {
        guard LoopbackHost.contains(host) else { return nil }
        isIPv6 = host == "[::1]"
        self.port = port
    }
}
