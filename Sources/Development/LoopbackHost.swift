// Which host names stay on this machine.

/// The hosts of RFC 8252 §7.3, and the name that people type for them.
enum LoopbackHost {
    /// Whether `host` is `localhost`, `127.0.0.1` or `[::1]`.
    static func contains(_ host: some StringProtocol) -> Bool {
        ["localhost", "127.0.0.1", "[::1]"].contains(host.lowercased())
    }

    /// The host of `host:port`, with the brackets of an IPv6 address.
    static func host(ofAuthority authority: some StringProtocol) -> String {
        if authority.hasPrefix("["), let end = authority.firstIndex(of: "]") {
            let rest = authority[authority.index(after: end)...]
            return rest.isEmpty || rest.hasPrefix(":") ? String(authority[...end]) : ""
        }
        return String(authority.prefix { $0 != ":" })
    }

    /// The number that `text` denotes in plain digits, nil if it is not a port.
    static func port(_ text: some StringProtocol) -> UInt16? {
        text.utf8.allSatisfy { $0 >= UInt8(ascii: "0") && $0 <= UInt8(ascii: "9") } ? UInt16(text) : nil
    }
}
