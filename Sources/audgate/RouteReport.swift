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
        rows += operationRows
        rows.append(("arrives at", "\(route.place.authority)\(arrivalPath)"))
        if !route.origins.isEmpty {
            rows.append(("browser origins", route.origins.sorted().joined(separator: ", ")))
        }
        rows.append(("session ids", route.sessions == .sealed ? "sealed" : "as the server gives them"))
        if !route.endsStreamsWithToken { rows.append(("event streams", "go on after the token's end")) }
        for address in upstreams { rows.append(("upstream", address)) }
        if let name = route.upstream.tls?.serverName { rows.append(("its certificate", "for \(name)")) }
        let version = route.upstream.speaksHTTP2 ? "HTTP/2" : "HTTP/1.1"
        rows.append(
            ("spoken to it", version + (route.upstream.usesLegacySSE ? ", SSE as of 2024-11-05" : ""))
        )
        rows.append(("token goes on", route.upstream.credentials == .forward ? "unchanged" : "no"))
        rows.append(("metadata", route.resource.metadataURL))
        return rows
    }

    /// What single tools and methods need besides, in the order of their names, the rest of the tools last.
    private var operationRows: [(String, String)] {
        let besides = { (scopes: [String]) in
            scopes.isEmpty ? "nothing more" : "also \(scopes.joined(separator: " "))"
        }
        var rows = Self.sorted(route.operations.tools).map { name, scopes in
            name == OperationScopes.anyTool
                ? ("other tools", besides(scopes))
                : ("tool", "\(ClaimText.printable(name)): \(besides(scopes))")
        }
        rows += Self.sorted(route.operations.methods).map { ("method", "\($0): \(besides($1))") }
        if route.hidesUnauthorizedTools { rows.append(("tool lists", "show what the token may call")) }
        return rows
    }

    private static func sorted(_ scopes: [String: [String]]) -> [(String, [String])] {
        func key(_ name: String) -> (Int, String) { (name == OperationScopes.anyTool ? 1 : 0, name) }
        return scopes.map { ($0.key, $0.value) }.sorted { key($0.0) < key($1.0) }
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
            Self.write(route.operations.tools, "tools", to: &writer)
            Self.write(route.operations.methods, "methods", to: &writer)
            writer.name("hide_unauthorized_tools")
            writer.bool(route.hidesUnauthorizedTools)
            writer.member("sessions", route.sessions.rawValue)
            writer.name("end_streams_with_token")
            writer.bool(route.endsStreamsWithToken)
            writer.member("host", route.place.authority)
            writer.member("path", route.place.path.isEmpty ? "/" : route.place.path)
            writer.name("subpaths")
            writer.bool(route.coversSubpaths)
            writer.member("origins", route.origins.sorted())
            writer.member("upstream", upstreams)
            writer.name("http2")
            writer.bool(route.upstream.speaksHTTP2)
            writer.name("legacy_sse")
            writer.bool(route.upstream.usesLegacySSE)
            if let name = route.upstream.tls?.serverName { writer.member("server_name", name) }
            writer.member("credentials", route.upstream.credentials.rawValue)
            writer.member("metadata", route.resource.metadataURL)
        }
    }

    private static func write(
        _ scopes: [String: [String]],
        _ name: StaticString,
        to writer: inout JSONWriter
    ) {
        writer.name(name)
        writer.object { writer in
            for (name, scopes) in sorted(scopes) {
                writer.name(name)
                writer.array { writer in for scope in scopes { writer.string(scope) } }
            }
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
