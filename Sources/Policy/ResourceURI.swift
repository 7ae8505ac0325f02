// The one field that a route is made of: its canonical resource URI (RFC 8707, RFC 9728).

internal import Bytes
internal import HTTP

/// Why a text is not a canonical resource URI.
public enum ResourceURIError: Error, Equatable, Sendable {
    /// It is not an absolute `http` or `https` URI with a host.
    case notAbsolute
    /// It has a fragment.
    case hasFragment
    /// It has a query.
    case hasQuery
    /// It has a user name or password.
    case hasUserInfo
    /// Its path could be read in two ways, or holds a character that a path may not.
    case invalidPath
    /// Its host or port is malformed.
    case invalidAuthority
    /// `http` is for loopback hosts only.
    case insecure
    /// It means the same as the canonical text given here, but is written differently.
    case notCanonical(String)
}

/// A resource URI that has exactly one spelling.
///
/// Scheme and host are in lower case, there is no default port, fragment, query, userinfo, dot segment or trailing
/// slash. The path may be empty.
public struct ResourceURI: Hashable, Sendable {
    /// The URI as it stands in tokens, metadata and the configuration.
    public let text: String
    /// `https`, or `http` for a loopback host.
    public let scheme: String
    /// Host with its port if that is not the default: what clients put into `Host`.
    public let authority: String
    /// The path, which begins with a slash and does not end with one; empty for a bare origin.
    public let path: String

    /// Reads `text`, which must be canonical.
    public init(_ text: String) throws(ResourceURIError) {
        let (scheme, rest) = try Self.splitScheme(text)
        guard !rest.utf8.contains(UInt8(ascii: "#")) else { throw .hasFragment }
        guard !rest.utf8.contains(UInt8(ascii: "?")) else { throw .hasQuery }
        let slash = rest.firstIndex(of: "/") ?? rest.endIndex
        let authority = String(rest[..<slash])
        guard !authority.utf8.contains(UInt8(ascii: "@")) else { throw .hasUserInfo }
        guard Authority.isValid(authority.octets.span) else { throw .invalidAuthority }
        let path = String(rest[slash...])
        let prefix = "\(scheme.lowercased())://\(Self.canonical(authority, scheme: scheme.lowercased()))"
        if !path.isEmpty { try Self.check(path: path, prefix: prefix) }
        self.scheme = scheme.lowercased()
        self.authority = Self.canonical(authority, scheme: self.scheme)
        self.path = Self.withoutTrailingSlash(path)
        self.text = "\(self.scheme)://\(self.authority)\(self.path)"
        guard self.text == text else { throw .notCanonical(self.text) }
        guard self.scheme == "https" || isLoopback else { throw .insecure }
    }

    /// The host without its port.
    public var host: String {
        let end = Authority.hostEnd(of: authority.octets.span)
        return String(decoding: authority.utf8.prefix(end), as: UTF8.self)
    }

    /// Whether the host is `localhost`, `127.0.0.0/8` or `[::1]`.
    public var isLoopback: Bool { Self.isLoopback(host: host) }

    /// Whether only this machine has the host: `localhost`, an address of `127.0.0.0/8`, or `::1` with or without brackets.
    public static func isLoopback(host: String) -> Bool {
        ["localhost", "[::1]", "::1"].contains(host) || (host.hasPrefix("127.") && isIPv4(host))
    }

    /// Path of the metadata document: the well-known segment before the resource's path (RFC 9728 §3.1).
    public var metadataPath: String { Self.wellKnownPrefix + path }

    /// Address of the metadata document.
    public var metadataURL: String { "\(scheme)://\(authority)\(metadataPath)" }

    /// What RFC 9728 §3 puts between authority and path.
    public static let wellKnownPrefix = "/.well-known/oauth-protected-resource"

    private static func splitScheme(_ text: String) throws(ResourceURIError) -> (String, Substring) {
        for scheme in ["https://", "http://"] where text.lowercased().hasPrefix(scheme) {
            return (String(text.prefix(scheme.count - 3)), text.dropFirst(scheme.count))
        }
        throw .notAbsolute
    }

    private static func check(path: String, prefix: String) throws(ResourceURIError) {
        guard !isPath(path) else { return }
        // Most often somebody has pasted a relative path: what it means can be said.
        let resolved = withoutDotSegments(path)
        throw isPath(resolved) ? .notCanonical(prefix + withoutTrailingSlash(resolved)) : .invalidPath
    }

    private static func isPath(_ path: String) -> Bool {
        let bytes = path.octets
        return (try? RequestTarget(ByteRange(0, bytes.count), in: bytes.span)) != nil
    }

    /// `path` with its dot segments resolved and its empty segments left out (RFC 3986 §5.2.4).
    private static func withoutDotSegments(_ path: String) -> String {
        var segments: [Substring] = []
        for segment in path.split(separator: "/") where segment != "." {
            if segment == ".." { _ = segments.popLast() } else { segments.append(segment) }
        }
        return "/" + segments.joined(separator: "/")
    }

    private static func canonical(_ authority: String, scheme: String) -> String {
        let lower = authority.lowercased()
        let defaultPort = scheme == "https" ? ":443" : ":80"
        return lower.hasSuffix(defaultPort) ? String(lower.dropLast(defaultPort.count)) : lower
    }

    private static func withoutTrailingSlash(_ path: String) -> String {
        path.hasSuffix("/") ? String(path.dropLast()) : path
    }

    private static func isIPv4(_ host: String) -> Bool {
        let parts = host.split(separator: ".", omittingEmptySubsequences: false)
        return parts.count == 4 && parts.allSatisfy { UInt8($0) != nil }
    }
}
