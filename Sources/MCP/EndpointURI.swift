// Places of 2024-11-05 servers: what their `endpoint` events name, and what clients are told instead.

internal import Bytes
public import HTTP

/// The upstream's place for messages is sealed as a whole, like a session id: it holds the session id in whatever
/// form the server likes, and what clients post to is the route itself with one parameter.
public enum EndpointURI {
    /// Name of the one parameter, with its equals sign.
    private static let parameter: StaticString = "session_id="

    /// Finds the request target that the data of an `endpoint` event names.
    ///
    /// - Parameters:
    ///   - reference: An absolute URL of the same origin, an absolute path, a path relative to `stream`, or a query.
    ///   - stream: The URL of the upstream's event stream.
    /// - Returns: Path and query, at most `SessionSeal.maximumUpstreamLength` octets; nil if the reference is anything
    ///   else, or could be read in two ways.
    public static func target(of reference: borrowing Span<UInt8>, against stream: HTTPURL) -> [UInt8]? {
        guard !reference.isEmpty, reference.count <= SessionSeal.maximumUpstreamLength,
            let text = String(validating: reference), let url = absolute(text, against: stream),
            url.isSecure == stream.isSecure, url.host == stream.host, url.port == stream.port,
            url.target.utf8.count <= SessionSeal.maximumUpstreamLength
        else { return nil }
        return url.target.octets
    }

    /// What the client is told: `path` with `session` as its only parameter.
    public static func reference(path: String, session: [UInt8]) -> [UInt8] {
        var reference = ByteBuffer()
        reference.append(path)
        reference.append(UInt8(ascii: "?"))
        reference.append(parameter)
        reference.append(session.span)
        return [UInt8](copying: reference.span)
    }

    /// The session id in a `query` that `reference(path:session:)` made; nil if it is any other query.
    public static func session(inQuery query: borrowing Span<UInt8>) -> [UInt8]? {
        let start = parameter.utf8CodeUnitCount
        guard query.count > start, query.extracting(0..<start).equals(parameter) else { return nil }
        let session = [UInt8](copying: query.extracting(start...))
        let separators: [UInt8] = [
            UInt8(ascii: "&"), UInt8(ascii: ";"), UInt8(ascii: "="), UInt8(ascii: "%"),
        ]
        return session.contains(where: separators.contains) ? nil : session
    }

    /// Resolves the forms of RFC 3986 §4.2 that servers use; dot segments and `//` are refused with the path.
    private static func absolute(_ reference: String, against stream: HTTPURL) -> HTTPURL? {
        let octets = reference.octets
        let pathEnd = octets.firstIndex(of: UInt8(ascii: "?")) ?? octets.count
        let isAbsolute = ["http://", "https://"].contains { reference.utf8.starts(with: $0.utf8) }
        let origin = "\(stream.isSecure ? "https" : "http")://\(stream.authority)"
        let resolved: String
        if isAbsolute {
            resolved = reference
        } else if octets.first == UInt8(ascii: "/") {
            resolved = origin + reference
        } else if pathEnd == 0 {
            resolved = origin + stream.path + reference
        } else if octets[..<pathEnd].contains(UInt8(ascii: ":")) {
            return nil
        } else {
            let folder = stream.path.utf8.prefix(
                through: stream.path.utf8.lastIndex(of: UInt8(ascii: "/")) ?? stream.path.utf8.startIndex
            )
            resolved = origin + String(Substring(folder)) + reference
        }
        return try? HTTPURL(resolved, allowsQuery: true)
    }
}
