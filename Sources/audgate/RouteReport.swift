// Who may pass at one route.

internal import Bytes
internal import JOSE
internal import JSON
internal import Policy

/// A route in words.
struct RouteReport {
    private let route: Route
    private let issuers: [Issuer]

    /// Makes the report of a route of `snapshot`.
    init(_ route: Route, _ snapshot: Snapshot) {
        self.route = route
        issuers = route.issuers.map { snapshot.issuer($0) }
    }

    /// Name and value of each line for people.
    var rows: [(String, String)] {
        var rows = route.audiences.map { ("audience", "exactly \($0)") }
        for issuer in issuers where !issuer.otherAudiences.isEmpty {
            let others = issuer.otherAudiences.sorted().joined(separator: ", ")
            rows.append(("beside it", "\(others), in tokens of \(issuer.rules.issuer)"))
        }
        for issuer in issuers { rows.append(("issuer", Self.describe(issuer))) }
        let scopes = route.scopes.isEmpty ? "none needed" : route.scopes.joined(separator: " ")
        rows.append(("scopes", scopes))
        rows.append(("arrives at", "\(route.place.authority)\(arrivalPath)"))
        if !route.origins.isEmpty {
            rows.append(("browser origins", route.origins.sorted().joined(separator: ", ")))
        }
        for address in upstreams { rows.append(("upstream", address)) }
        if let name = route.upstream.tls?.serverName { rows.append(("its certificate", "for \(name)")) }
        rows.append(("spoken to it", route.upstream.speaksHTTP2 ? "HTTP/2" : "HTTP/1.1"))
        rows.append(("token goes on", route.upstream.credentials == .forward ? "unchanged" : "no"))
        rows.append(("metadata", route.resource.metadataURL))
        return rows
    }

    private var arrivalPath: String {
        let path = route.place.path.isEmpty ? "/" : route.place.path
        return path + (route.coversSubpaths ? " and below" : "")
    }

    private var upstreams: [String] {
        route.upstream.endpoints.map {
            "\($0.isSecure ? "https" : "http")://\($0.authority)\($0.path)"
        }
    }

    private static func describe(_ issuer: Issuer) -> String {
        let algorithms = issuer.rules.algorithms.map(\.rawValue).sorted().joined(separator: ", ")
        let type = issuer.rules.tokenType == .accessToken ? "at+jwt" : "any access token"
        return "\(issuer.rules.issuer) (\"\(ClaimText.printable(issuer.name))\": \(type), \(algorithms))"
    }

    /// Writes the report for programs.
    func write(to writer: inout JSONWriter) {
        writer.object { writer in
            writer.member("resource", route.resource.text)
            writer.member("audiences", route.audiences)
            writer.name("issuers")
            writer.array { writer in
                for issuer in issuers { Self.write(issuer, to: &writer) }
            }
            writer.member("scopes", route.scopes)
            writer.member("host", route.place.authority)
            writer.member("path", route.place.path.isEmpty ? "/" : route.place.path)
            writer.name("subpaths")
            writer.bool(route.coversSubpaths)
            writer.member("origins", route.origins.sorted())
            writer.member("upstream", upstreams)
            writer.name("http2")
            writer.bool(route.upstream.speaksHTTP2)
            if let name = route.upstream.tls?.serverName { writer.member("server_name", name) }
            writer.member("credentials", route.upstream.credentials.rawValue)
            writer.member("metadata", route.resource.metadataURL)
        }
    }

    private static func write(_ issuer: Issuer, to writer: inout JSONWriter) {
        writer.object { writer in
            writer.member("name", issuer.name)
            writer.member("issuer", issuer.rules.issuer)
            writer.member("token_type", issuer.rules.tokenType == .accessToken ? "at+jwt" : "any")
            writer.member("algorithms", issuer.rules.algorithms.map(\.rawValue).sorted())
            writer.member("other_audiences", issuer.otherAudiences.sorted())
        }
    }
}
