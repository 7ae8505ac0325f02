// Addresses that the gateway itself connects to.

internal import Bytes

/// An `http` or `https` URL without userinfo and fragment (RFC 9110 §4.2).
public struct AbsoluteURL: Hashable, Sendable {
    /// `http` or `https`.
    public let scheme: String
    /// The host; an IPv6 address has no brackets here.
    public let host: String
    /// The port, the scheme's own where none is written.
    public let port: UInt16
    /// Host with the port as written: what goes into `Host`.
    public let authority: String
    /// The path, which begins with a slash.
    public let path: String
    /// The query without its question mark, nil if there is none.
    public let query: String?

    /// Reads `text`; nil if it is no such URL.
    public init?(_ text: String) {
        guard let scheme = ["https", "http"].first(where: { text.hasPrefix($0 + "://") }) else { return nil }
        self.scheme = scheme
        let rest = text.dropFirst(scheme.count + 3)
        let authorityEnd = rest.firstIndex { $0 == "/" || $0 == "?" || $0 == "#" } ?? rest.endIndex
        authority = String(rest[..<authorityEnd])
        guard Authority.isValid(authority.octets.span) else { return nil }
        let hostLength = Authority.hostEnd(of: authority.octets.span)
        let written = String(decoding: authority.utf8.prefix(hostLength), as: UTF8.self)
        host = written.hasPrefix("[") ? String(written.dropFirst().dropLast()) : written
        let portText = authority.utf8.dropFirst(hostLength + 1)
        port = UInt16(String(decoding: portText, as: UTF8.self)) ?? (scheme == "https" ? 443 : 80)
        let target = String(rest[authorityEnd...])
        let mark = target.firstIndex(of: "?")
        let writtenPath = String(target[..<(mark ?? target.endIndex)])
        path = writtenPath.isEmpty ? "/" : writtenPath
        query = mark.map { String(target[target.index(after: $0)...]) }
        guard path.utf8.allSatisfy(ASCII.isPathCharacter),
            query?.utf8.allSatisfy(ASCII.isQueryCharacter) ?? true
        else { return nil }
    }

    /// Path and query as they stand in a request line.
    public var target: String { query.map { "\(path)?\($0)" } ?? path }
}
