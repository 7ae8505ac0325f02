// Which browser pages may use a route (MCP transports, Security; WHATWG Fetch for CORS).

internal import Bytes
internal import HTTP

/// Where a request comes from, as far as browsers say.
enum OriginRule {
    /// The verdict on `Origin`.
    enum Verdict: Equatable {
        /// There is none: not a browser.
        case absent
        /// The origin is allowed; its value goes into the CORS fields.
        case allowed(String)
        /// The origin is not allowed, or there are several.
        case refused
    }

    /// Judges the `Origin` of `request` at `route`.
    static func verdict(_ request: borrowing RequestHead, at route: Route) -> Verdict {
        guard let field = request.fields.first(.origin) else { return .absent }
        let origin = request.text(field)
        return request.fields.count(of: .origin) == 1
            && route.origins.contains(where: { $0.isIdentical(to: origin) })
            ? .allowed(origin) : .refused
    }

    private static let allowedHeaders =
        "Authorization, Content-Type, Accept, MCP-Protocol-Version, Mcp-Session-Id, Last-Event-ID, Mcp-Method, "
        + "Mcp-Name, DPoP, traceparent, tracestate"

    /// The answer to a preflight of an allowed origin.
    static func preflight(_ request: borrowing RequestHead, allow: String) -> LocalResponse {
        var headers = allowedHeaders
        for name in requestedParameters(request) { headers += ", " + name }
        return LocalResponse(
            status: 204,
            reason: .access(.preflight),
            fields: [
                .init("Access-Control-Allow-Methods", allow),
                .init("Access-Control-Allow-Headers", headers),
                .init("Access-Control-Max-Age", "7200"),
            ]
        )
    }

    /// Most `Mcp-Param-*` names that one preflight is granted.
    private static let maximumParameters = 32

    /// The requested names that begin with `mcp-param-` and are field names.
    private static func requestedParameters(_ request: borrowing RequestHead) -> [String] {
        guard let field = request.fields.first(.accessControlRequestHeaders) else { return [] }
        let names = request.text(field).split(separator: ",").map { $0.filter { $0 != " " && $0 != "\t" } }
        return Array(
            names.filter {
                $0.utf8.count > 10 && $0.lowercased().hasPrefix("mcp-param-")
                    && $0.utf8.allSatisfy(ASCII.isTokenCharacter)
            }
            .prefix(maximumParameters)
        )
    }
}
