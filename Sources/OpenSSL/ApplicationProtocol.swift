// What is spoken inside TLS (ALPN, RFC 7301).

/// The application protocol that both sides agreed on.
public enum ApplicationProtocol: Sendable {
    /// HTTP/1.1; also where ALPN was not used.
    case http11
    /// HTTP/2.
    case http2

    /// The name in ALPN.
    var name: StaticString {
        switch self {
        case .http11: "http/1.1"
        case .http2: "h2"
        }
    }

    /// The names of `protocols` as ALPN writes them: a length before each.
    static func list(_ protocols: [ApplicationProtocol]) -> [UInt8] {
        protocols.flatMap { item in
            let name = Array("\(item.name)".utf8)
            return [UInt8(truncatingIfNeeded: name.count)] + name
        }
    }
}
