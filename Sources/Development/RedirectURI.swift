// Where an authorization code may be sent, and when two such places are the same.

/// A redirect URI that a client registered (RFC 6749 §3.1.2).
struct RedirectURI: Sendable, Equatable {
    /// Longest URI in bytes.
    static let maximumLength = 2048

    /// Schemes that a browser runs or opens by itself.
    private static let refusedSchemes = ["javascript", "data", "vbscript", "file", "blob", "about"]

    /// The URI, as registered.
    let text: String

    /// Takes an absolute URI without fragment: `https`, a private-use scheme, or `http` on loopback.
    init?(_ text: String) {
        guard text.utf8.count <= Self.maximumLength, text.utf8.allSatisfy({ $0 > 0x20 && $0 < 0x7F }),
            !text.contains("#"), !text.contains("\\"), let colon = text.firstIndex(of: ":")
        else { return nil }
        let scheme = text[..<colon].lowercased()
        guard let first = scheme.utf8.first, first >= UInt8(ascii: "a"), first <= UInt8(ascii: "z"),
            scheme.utf8.allSatisfy({ FormParameters.isUnreserved($0) || $0 == UInt8(ascii: "+") }),
            !Self.refusedSchemes.contains(scheme), text.utf8.count > scheme.utf8.count + 1
        else { return nil }
        self.text = text
        if scheme == "http", loopbackParts == nil { return nil }
        if scheme == "https", !text.hasPrefix("https://") { return nil }
    }

    /// Whether the URI is `http` on loopback.
    var isLoopback: Bool { loopbackParts != nil }

    /// Whether `requested` is this place: the same text, on loopback with any port (RFC 8252 §7.3).
    func matches(_ requested: RedirectURI) -> Bool {
        if text == requested.text { return true }
        guard let own = loopbackParts, let other = requested.loopbackParts else { return false }
        return own == other
    }

    /// Host and all that follows the authority, nil if the URI is not `http` on loopback.
    private var loopbackParts: [String]? {
        guard text.hasPrefix("http://") else { return nil }
        let rest = text.dropFirst("http://".count)
        let authority = rest.prefix { $0 != "/" && $0 != "?" }
        let host = LoopbackHost.host(ofAuthority: authority)
        let port = authority.dropFirst(host.count)
        guard LoopbackHost.contains(host), port.isEmpty || LoopbackHost.port(port.dropFirst()) != nil else {
            return nil
        }
        return [host, String(rest.dropFirst(authority.count))]
    }
}
