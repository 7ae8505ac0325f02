// The numbered cases of hosts, paths, origins and content (1 to 16, 81 to 88, 125 to 132), one row each.

import Testing

/// A request as text with what must become of it; `T` in a field is a good token.
struct RequestCase: Sendable, CustomTestStringConvertible {
    let number: String
    var method = "GET"
    var target = "/notion"
    var host = "gw.example"
    var fields: [String] = []
    let status: Int
    let code: String

    var testDescription: String { "case \(number): \(method) \(target)" }

    private static let prefix = "/.well-known/oauth-protected-resource"
    private static let bearer = "Authorization: Bearer T"
    private static let json = "Content-Type: application/json"
    private static let app = "Origin: https://app.example"
    private static let preflight = "Access-Control-Request-Method: POST"

    static let ownPaths: [RequestCase] = [
        .init(number: "1", target: prefix + "/notion", status: 200, code: "metadata"),
        .init(number: "2", target: prefix + "/a/b/mcp", status: 200, code: "metadata"),
        .init(number: "3", target: prefix, status: 404, code: "path_reserved"),
        .init(number: "3 slash", target: prefix + "/", status: 404, code: "path_reserved"),
        .init(number: "4", target: prefix, host: "root.example", status: 200, code: "metadata"),
        .init(number: "5", target: prefix + "/unknown", status: 404, code: "path_reserved"),
        .init(number: "5 prefix", target: prefix + "x/notion", status: 404, code: "path_reserved"),
        .init(number: "6", target: prefix + "/notion/", status: 404, code: "path_reserved"),
        .init(number: "7", target: prefix + "/notion?x=1", status: 200, code: "metadata"),
        .init(number: "8", target: "/notion" + prefix, status: 404, code: "path_reserved"),
        .init(
            number: "8 below a route",
            target: "/sub" + prefix,
            fields: [bearer],
            status: 404,
            code: "path_reserved"
        ),
        .init(
            number: "8 in capitals",
            target: "/sub/.Well-Known/x",
            fields: [bearer],
            status: 404,
            code: "path_reserved"
        ),
        .init(number: "9", method: "HEAD", target: prefix + "/notion", status: 200, code: "metadata"),
        .init(
            number: "10",
            method: "POST",
            target: prefix + "/notion",
            status: 405,
            code: "method_not_allowed"
        ),
        .init(
            number: "11",
            method: "OPTIONS",
            target: prefix + "/notion",
            fields: ["Origin: https://any.example"],
            status: 204,
            code: "preflight"
        ),
        .init(
            number: "13",
            target: prefix + "/notion",
            host: "evil.example",
            status: 421,
            code: "host_unknown"
        ),
        .init(
            number: "14",
            target: prefix + "/notion",
            fields: ["X-Forwarded-Host: evil.example", "X-Forwarded-Proto: http"],
            status: 200,
            code: "metadata"
        ),
        .init(number: "15", target: "/authorize", status: 404, code: "path_reserved"),
        .init(number: "15 token", target: "/token", status: 404, code: "path_reserved"),
        .init(number: "15 register", method: "POST", target: "/register", status: 404, code: "path_reserved"),
        .init(
            number: "15 server",
            target: "/.well-known/oauth-authorization-server",
            status: 404,
            code: "path_reserved"
        ),
        .init(
            number: "15 below the bare origin",
            target: "/authorize",
            host: "root.example",
            fields: [bearer],
            status: 404,
            code: "path_reserved"
        ),
        .init(
            number: "16",
            target: "/notion/server-card",
            fields: [bearer],
            status: 404,
            code: "route_unknown"
        ),
        .init(
            number: "16 catalogue",
            target: "/.well-known/ai-catalog.json",
            status: 404,
            code: "path_reserved"
        ),
        .init(number: "health", target: "/healthz", host: "any.example", status: 200, code: "health"),
        .init(number: "health with a query", target: "/healthz?x", host: "any", status: 200, code: "health"),
        .init(
            number: "health posted",
            method: "POST",
            target: "/healthz",
            status: 405,
            code: "method_not_allowed"
        ),
        .init(number: "asterisk", method: "OPTIONS", target: "*", status: 204, code: "options"),
    ]

    static let requests: [RequestCase] = [
        .init(
            number: "81",
            fields: ["Origin: https://evil.example"],
            status: 403,
            code: "origin_not_allowed"
        ),
        .init(
            number: "81 with a token",
            fields: ["Origin: https://evil.example", bearer],
            status: 403,
            code: "origin_not_allowed"
        ),
        .init(number: "82", fields: ["Origin: null", bearer], status: 403, code: "origin_not_allowed"),
        .init(number: "82 two", fields: [app, app, bearer], status: 403, code: "origin_not_allowed"),
        .init(
            number: "82 suffix",
            fields: ["Origin: https://app.example.evil.com", bearer],
            status: 403,
            code: "origin_not_allowed"
        ),
        .init(
            number: "82 case",
            fields: ["Origin: https://APP.example", bearer],
            status: 403,
            code: "origin_not_allowed"
        ),
        .init(number: "82 empty", fields: ["Origin:", bearer], status: 403, code: "origin_not_allowed"),
        .init(
            number: "82 route without origins",
            target: "/a/b/mcp",
            fields: [app],
            status: 403,
            code: "origin_not_allowed"
        ),
        .init(number: "83", fields: [app, bearer], status: 200, code: "allowed"),
        .init(number: "84", fields: [app], status: 401, code: "no_credentials"),
        .init(number: "85", method: "OPTIONS", fields: [app, preflight], status: 204, code: "preflight"),
        .init(
            number: "86",
            method: "OPTIONS",
            fields: ["Origin: https://evil.example", preflight],
            status: 403,
            code: "origin_not_allowed"
        ),
        .init(number: "87", host: "evil.example", fields: [bearer], status: 421, code: "host_unknown"),
        .init(number: "87 suffix", host: "gw.example.evil.example", status: 421, code: "host_unknown"),
        .init(number: "87 port", host: "gw.example:8443", status: 421, code: "host_unknown"),
        .init(
            number: "87 default port",
            host: "GW.example:443",
            fields: [bearer],
            status: 200,
            code: "allowed"
        ),
        .init(number: "88", target: "https://root.example/notion", status: 400, code: "host_mismatch"),
        .init(
            number: "88 equal",
            target: "https://gw.example/notion",
            fields: [bearer],
            status: 200,
            code: "allowed"
        ),
        .init(
            number: "125",
            method: "POST",
            fields: [bearer, "Content-Type: text/plain"],
            status: 415,
            code: "content_type_unsupported"
        ),
        .init(
            number: "125 absent",
            method: "POST",
            fields: [bearer],
            status: 415,
            code: "content_type_unsupported"
        ),
        .init(
            number: "125 twice",
            method: "POST",
            fields: [bearer, json, "Content-Type: text/plain"],
            status: 415,
            code: "content_type_unsupported"
        ),
        .init(
            number: "125 charset",
            method: "POST",
            fields: [bearer, json + "; charset=utf-8"],
            status: 200,
            code: "allowed"
        ),
        .init(
            number: "125 other charset",
            method: "POST",
            fields: [bearer, json + "; charset=utf-16"],
            status: 415,
            code: "content_type_unsupported"
        ),
        .init(number: "125 before the token", method: "POST", status: 401, code: "no_credentials"),
        .init(
            number: "126",
            method: "POST",
            fields: [bearer, json, "Content-Encoding: gzip"],
            status: 415,
            code: "content_encoding_unsupported"
        ),
        .init(
            number: "126 behind identity",
            method: "POST",
            fields: [bearer, json, "Content-Encoding: identity", "Content-Encoding: gzip"],
            status: 415,
            code: "content_encoding_unsupported"
        ),
        .init(
            number: "127",
            method: "POST",
            fields: [bearer, json, "MCP-Protocol-Version: 2026-07-28", "Accept: application/json"],
            status: 406,
            code: "not_acceptable"
        ),
        .init(
            number: "127 legacy",
            method: "POST",
            fields: [bearer, json, "MCP-Protocol-Version: 2025-11-25", "Accept: application/json"],
            status: 200,
            code: "allowed"
        ),
        .init(
            number: "128",
            method: "POST",
            fields: [
                bearer, json, "MCP-Protocol-Version: 2026-07-28", "Mcp-Method: tools/list", "Accept: */*",
            ],
            status: 200,
            code: "allowed"
        ),
        .init(
            number: "129",
            method: "POST",
            fields: [bearer, json, "Content-Length: 4194305"],
            status: 413,
            code: "content_too_large"
        ),
        .init(
            number: "129 at the limit",
            method: "POST",
            fields: [bearer, json, "Content-Length: 4194304"],
            status: 200,
            code: "allowed"
        ),
        .init(
            number: "content of a GET",
            fields: [bearer, "Content-Length: 1"],
            status: 400,
            code: "content_not_allowed"
        ),
        .init(
            number: "130",
            fields: ["Mcp-Param-X: " + String(repeating: "x", count: 65_536)],
            status: 431,
            code: "head_too_long"
        ),
        .init(
            number: "132 dots",
            target: "/notion/../a/b/mcp",
            fields: [bearer],
            status: 400,
            code: "ambiguous_path"
        ),
        .init(
            number: "132 escape",
            target: "/%6eotion",
            fields: [bearer],
            status: 400,
            code: "ambiguous_path"
        ),
        .init(
            number: "132 slash",
            target: "/notion%2f",
            fields: [bearer],
            status: 400,
            code: "ambiguous_path"
        ),
        .init(
            number: "132 two slashes",
            target: "//notion",
            fields: [bearer],
            status: 400,
            code: "ambiguous_path"
        ),
        .init(
            number: "132 semicolon",
            target: "/notion;x",
            fields: [bearer],
            status: 400,
            code: "ambiguous_path"
        ),
        .init(
            number: "132 backslash",
            target: "/notion\\x",
            fields: [bearer],
            status: 400,
            code: "ambiguous_path"
        ),
        .init(number: "132 case", target: "/Notion", fields: [bearer], status: 404, code: "route_unknown"),
        .init(
            number: "132 trailing slash",
            target: "/notion/",
            fields: [bearer],
            status: 404,
            code: "route_unknown"
        ),
        .init(number: "method", method: "PUT", fields: [bearer], status: 405, code: "method_not_allowed"),
        .init(
            number: "method in small letters",
            method: "post",
            fields: [bearer],
            status: 405,
            code: "method_not_allowed"
        ),
    ]

    func text(token: String) -> String {
        let content =
            method == "POST" && !fields.contains { $0.hasPrefix("Content-Length") }
            ? ["Content-Length: 2"] : []
        let lines = ["\(method) \(target) HTTP/1.1", "Host: \(host)"] + content
        return (lines + fields).joined(separator: "\r\n").replacing("Bearer T", with: "Bearer " + token)
            + "\r\n\r\n"
    }
}
