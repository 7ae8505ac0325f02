// Addresses that the gateway itself connects to, taken apart and checked once.

internal import Bytes

/// Why a text is no usable URL.
public enum HTTPURLError: Error, Sendable {
    /// It does not begin with `http://` or `https://` in lower case.
    case notAbsolute
    /// It has a user name or password.
    case hasUserInfo
    /// Its host or port is malformed.
    case invalidAuthority
    /// Its path or query holds what may not stand there, or could be read in two ways.
    case invalidTarget
    /// It has a fragment.
    case hasFragment
    /// It has a query where none may be.
    case hasQuery

    /// What is wrong, as a sentence.
    public var sentence: String {
        switch self {
        case .notAbsolute: "This is not an absolute URL with the scheme http or https."
        case .hasUserInfo: "The URL holds a user name or password."
        case .invalidAuthority: "The host or port of the URL is malformed."
        case .invalidTarget: "The path or query of the URL is malformed, or could be read in two ways."
        case .hasFragment: "The URL has a fragment."
        case .hasQuery: "The URL has a query."
        }
    }
}

/// An absolute `http` or `https` URL without userinfo and fragment (RFC 9110 §4.2).
public struct HTTPURL: Sendable {
    /// The URL as written.
    public let text: String
    /// Whether the scheme is `https`.
    public let isSecure: Bool
    /// Host with its port unless that is the scheme's default, in lower case.
    public let authority: String
    /// The host alone; an IPv6 address has no brackets.
    public let host: String
    /// The port, the scheme's own where none is written.
    public let port: UInt16
    /// The path, which begins with a slash.
    public let path: String
    /// Path and query as they stand in a request line.
    public let target: String

    /// Reads `text`, which may have a query only where `allowsQuery` says so.
    public init(_ text: String, allowsQuery: Bool = false) throws(HTTPURLError) {
        guard let scheme = ["https://", "http://"].first(where: { text.utf8.starts(with: $0.utf8) }) else {
            throw .notAbsolute
        }
        self.text = text
        isSecure = scheme == "https://"
        let rest = Substring(text.utf8.dropFirst(scheme.utf8.count))
        guard !rest.utf8.contains(UInt8(ascii: "#")) else { throw .hasFragment }
        let end = rest.utf8.firstIndex { $0 == UInt8(ascii: "/") || $0 == UInt8(ascii: "?") } ?? rest.endIndex
        let authority = String(Substring(rest.utf8[..<end]))
        guard !authority.utf8.contains(UInt8(ascii: "@")) else { throw .hasUserInfo }
        guard Authority.isValid(authority.octets.span) else { throw .invalidAuthority }
        let target = String(Substring(rest.utf8[end...]))
        (path, self.target) = try Self.parts(of: target, allowsQuery: allowsQuery)
        let hostEnd = Authority.hostEnd(of: authority.octets.span)
        let host = String(Substring(authority.utf8.prefix(hostEnd))).lowercased()
        let port = UInt16(Substring(authority.utf8.dropFirst(hostEnd + 1))) ?? (isSecure ? 443 : 80)
        self.host = host.utf8.first == UInt8(ascii: "[") ? String(host.dropFirst().dropLast()) : host
        self.port = port
        self.authority = port == (isSecure ? 443 : 80) ? host : "\(host):\(port)"
    }

    private static func parts(of target: String, allowsQuery: Bool) throws(HTTPURLError) -> (String, String) {
        guard !target.isEmpty else { return ("/", "/") }
        guard allowsQuery || !target.utf8.contains(UInt8(ascii: "?")) else { throw .hasQuery }
        let target = target.utf8.first == UInt8(ascii: "/") ? target : "/" + target
        let bytes = target.octets
        do throws(MessageViolation) {
            let parts = try RequestTarget(ByteRange(0, bytes.count), in: bytes.span)
            return (String(lossy: bytes.span.extracting(parts.path)), target)
        } catch {
            throw .invalidTarget
        }
    }
}
