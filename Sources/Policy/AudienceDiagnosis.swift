// Says how a refused audience came about: near misses are told apart, and never accepted.

/// Finds out what a token that is not for a route was meant for.
public struct AudienceDiagnosis: Equatable, Sendable {
    /// The reason code.
    public let reason: AccessReason
    /// The route of this gateway that the token was issued for, if it was for one.
    public let intendedRoute: RouteID?

    /// Diagnoses `audiences`, which `AudienceRule` refused for `route` with `refusal`.
    public init(_ audiences: [String], at route: Route, refusal: AccessReason, in snapshot: Snapshot) {
        let other = audiences.lazy.compactMap { snapshot.audienceOwners[$0] }
            .first { snapshot.route($0).resource != route.resource }
        intendedRoute = other
        if refusal == .audienceNotExclusive {
            reason = refusal
        } else if other != nil {
            reason = .audienceOtherRoute
        } else {
            reason =
                audiences.contains { Self.isNearMiss($0, of: route.resource) } ? .audienceNearMiss : refusal
        }
    }

    /// Whether `audience` is the resource in another spelling, its origin alone, or a place above or below it.
    public static func isNearMiss(_ audience: String, of resource: ResourceURI) -> Bool {
        let folded = fold(audience)
        let expected = fold(resource.text)
        let origin = fold("\(resource.scheme)://\(resource.authority)")
        return folded == expected || folded == origin || folded.hasPrefix(expected + "/")
            || expected.hasPrefix(folded + "/") && folded.hasPrefix(origin)
    }

    /// Undoes the differences that people and URL libraries make: case, scheme, default port, slashes, escapes, query.
    private static func fold(_ text: String) -> String {
        var folded = decodingEscapes(text).lowercased()
        for prefix in ["https://", "http://", "api://"] where folded.hasPrefix(prefix) {
            folded.removeFirst(prefix.count)
            break
        }
        if let end = folded.firstIndex(where: { $0 == "?" || $0 == "#" }) { folded = String(folded[..<end]) }
        let slash = folded.firstIndex(of: "/") ?? folded.endIndex
        var authority = String(folded[..<slash])
        for port in [":443", ":80"] where authority.hasSuffix(port) { authority.removeLast(port.count) }
        let segments = folded[slash...].split(separator: "/")
        return ([authority] + segments.map(String.init)).joined(separator: "/")
    }

    private static func decodingEscapes(_ text: String) -> String {
        var bytes: [UInt8] = []
        var rest = Substring(text).utf8
        while let byte = rest.popFirst() {
            if byte == UInt8(ascii: "%"), rest.count >= 2,
                let value = UInt8(String(Substring(rest.prefix(2))), radix: 16)
            {
                bytes.append(value)
                rest = rest.dropFirst(2)
            } else {
                bytes.append(byte)
            }
        }
        return String(decoding: bytes, as: UTF8.self)
    }
}
