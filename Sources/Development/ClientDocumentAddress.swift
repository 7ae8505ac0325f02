// Where the metadata document of a client is, if this machine has it.

/// An `http` address on loopback: the only kind that is fetched, so that nobody can point the server elsewhere.
struct ClientDocumentAddress: Sendable, Equatable {
    /// Largest document in bytes.
    static let maximumDocumentLength = 16 * 1024

    /// Milliseconds that a fetch may take.
    static let timeLimit = 3000

    /// The address, which is the client's identifier as well.
    let text: String
    /// `localhost`, `127.0.0.1` or `[::1]`.
    let host: String
    /// The port, 80 if the address has none.
    let port: UInt16
    /// Path and query.
    let target: String

    /// Takes `http://loopback[:port]/path`, nil for anything else.
    init?(_ text: String) {
        guard text.hasPrefix("http://"), text.utf8.count <= 2048,
            text.utf8.allSatisfy({ $0 > 0x20 && $0 < 0x7F && $0 != UInt8(ascii: "#") })
        else { return nil }
        let rest = text.dropFirst("http://".count)
        let authority = rest.prefix { $0 != "/" && $0 != "?" }
        let host = LoopbackHost.host(ofAuthority: authority)
        let suffix = authority.dropFirst(host.count)
        let target = String(rest.dropFirst(authority.count))
        guard LoopbackHost.contains(host), target.hasPrefix("/"), target != "/",
            let port = suffix.isEmpty ? 80 : LoopbackHost.port(suffix.dropFirst())
        else { return nil }
        self.text = text
        self.host = host
        self.port = port
        self.target = target
    }
}
