// Which hosts the certificates of the listeners are good for.

internal import Bytes
internal import HTTP
internal import OpenSSL
internal import Policy

/// Checks that clients which come by TLS find a certificate for the host that they come for.
enum CertificateCoverage {
    /// Most names that a message lists.
    private static let maximumNames = 8

    /// Warns of routes whose host no certificate covers. Without listeners that speak TLS nothing is known.
    static func check(_ routes: [RouteObject], _ listeners: [ListenerObject]) {
        let settings = listeners.compactMap(\.tls)
        // A certificate with a problem may be the one: one cause, one diagnostic.
        guard !settings.isEmpty, settings.allSatisfy({ $0.context != nil }) else { return }
        let identities = settings.flatMap(\.certificates).map(\.identity)
        let list = list(identities.flatMap(\.names))
        var known: [String: Bool] = [:]
        for route in routes {
            guard route.resource?.value.scheme == "https", let place = route.place else { continue }
            let host = host(of: place.value.authority)
            let isCovered = known[host] ?? identities.contains { $0.covers(host) }
            known[host] = isCovered
            guard !isCovered else { continue }
            place.node.warning(
                "No certificate of a listener is good for \"\(host)\": they are for \(list).",
                "Add a certificate for it, unless a proxy in front terminates TLS for this route."
            )
        }
    }

    /// The host of `authority`, without the brackets of an IPv6 address.
    private static func host(of authority: String) -> String {
        let host = String(Substring(authority.utf8.prefix(Authority.hostEnd(of: authority.octets.span))))
        return host.hasPrefix("[") ? String(host.dropFirst().dropLast()) : host
    }

    private static func list(_ names: [String]) -> String {
        let names = Set(names).sorted()
        let shown = names.prefix(maximumNames).joined(separator: ", ")
        return names.count > maximumNames ? "\(shown) and \(names.count - maximumNames) more" : shown
    }
}
