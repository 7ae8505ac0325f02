// Requests decided case by case, and the order of the checks.

import Bytes
import HTTP
import Testing

@testable import Policy

@Suite struct `A decision on a request` {
    let gateway: Gateway
    let token: String

    init() throws {
        gateway = try Gateway()
        token = try gateway.token()
    }

    @Test(arguments: RequestCase.ownPaths + RequestCase.requests)
    func `has the status and the reason of its case`(_ row: RequestCase) throws {
        let (outcome, isSteady) = try gateway.decide(row.text(token: token))
        #expect(outcome.status == row.status)
        #expect(outcome.code == row.code)
        #expect(isSteady)
        #expect(outcome.challenges.isEmpty == (outcome.status != 401))
        #expect(!outcome.body.contains("evil"))
    }

    @Test func `1: the document names the resource and its issuer, and nothing is empty`() throws {
        let outcome = try gateway.decide(RequestCase.ownPaths[0].text(token: "")).outcome
        #expect(
            outcome.body
                == "{\"resource\":\"https://gw.example/notion\",\"authorization_servers\":[\"https://as.example\"],"
                + "\"scopes_supported\":[\"notion.read\"],\"bearer_methods_supported\":[\"header\"]}"
        )
        #expect(outcome.fields["Access-Control-Allow-Origin"] == ["*"])
        #expect(outcome.fields["Content-Type"] == ["application/json"])
    }

    @Test func `84 and 85: an allowed page may read every answer, and ask for every field`() throws {
        for row in RequestCase.requests where row.fields.contains("Origin: https://app.example") {
            let outcome = try gateway.decide(row.text(token: token)).outcome
            guard outcome.status != 200, outcome.status != 403 else { continue }
            #expect(outcome.fields["Access-Control-Allow-Origin"] == ["https://app.example"])
            #expect(
                outcome.fields["Access-Control-Expose-Headers"]?.first?.contains("WWW-Authenticate") == true
            )
            #expect(outcome.fields["Access-Control-Allow-Credentials"] == nil)
        }
        let asked = "authorization, content-type, mcp-param-region, mcp-param-\"x, x-evil, MCP-Param-B"
        let text = Gateway.post(
            method: "OPTIONS",
            fields: [
                "Origin: https://app.example", "Access-Control-Request-Method: POST",
                "Access-Control-Request-Headers: \(asked)", "Access-Control-Request-Private-Network: true",
            ]
        )
        let allowed = try gateway.decide(text).outcome.fields["Access-Control-Allow-Headers"]?.first ?? ""
        #expect(
            allowed.hasPrefix("Authorization, Content-Type, Accept, MCP-Protocol-Version, Mcp-Session-Id")
        )
        #expect(allowed.hasSuffix("tracestate, mcp-param-region, MCP-Param-B"))
    }

    @Test func `81 and 86: a foreign page gets no CORS fields`() throws {
        for row in RequestCase.requests where row.code == "origin_not_allowed" {
            let outcome = try gateway.decide(row.text(token: token)).outcome
            #expect(!outcome.fields.keys.contains { $0.hasPrefix("Access-Control") })
        }
    }

    @Test func `a path below a route that covers it goes on with its rest`() throws {
        let token = try gateway.token(claims: ["aud": "\"https://gw.example/sub\""])
        for (path, rest) in [("/sub", ""), ("/sub/", "/"), ("/sub/a/b", "/a/b"), ("/sub/a%20b", "/a%20b")] {
            let outcome = try gateway.decide(Gateway.post(path, token: token)).outcome
            #expect(outcome.permitted == 3)
            #expect(outcome.body == rest)
        }
        #expect(try gateway.decide(Gateway.post("/subx", token: token)).outcome.code == "route_unknown")
    }

    /// Ways to break a request, in the order in which they must be found.
    private static let violations: [(code: String, break: @Sendable (inout Draft) -> Void)] = [
        ("host_unknown", { $0.host = "evil.example" }), ("route_unknown", { $0.path = "/nothing" }),
        ("origin_not_allowed", { $0.fields.append("Origin: https://evil.example") }),
        ("method_not_allowed", { $0.method = "PUT" }),
        ("multiple_credentials", { $0.path += "?access_token=x" }),
        ("type_not_allowed", { $0.header["typ"] = "\"JWT\"" }),
        ("signature_invalid", { $0.isTampered = true }),
        ("expired", { $0.claims["exp"] = "1" }),
        ("aud_mismatch", { $0.claims["aud"] = "\"https://x.example\"" }),
        ("sender_constrained", { $0.claims["cnf"] = "{}" }),
        ("insufficient_scope", { $0.claims["scope"] = "\"x\"" }),
        ("content_type_unsupported", { $0.type = "text/plain" }),
        ("content_encoding_unsupported", { $0.fields.append("Content-Encoding: gzip") }),
        (
            "not_acceptable",
            {
                $0.fields.append("MCP-Protocol-Version: 2026-07-28"); $0.fields.append("Accept: text/html")
            }
        ),
    ]

    struct Draft {
        var host = "gw.example"
        var path = "/notion"
        var method = "POST"
        var type = "application/json"
        var fields: [String] = []
        var header: [String: String] = [:]
        var claims: [String: String] = [:]
        var isTampered = false
    }

    @Test func `of two faults the earlier check finds its own`() throws {
        for first in Self.violations.indices {
            for second in first..<Self.violations.count {
                var draft = Draft()
                Self.violations[first].break(&draft)
                if second != first { Self.violations[second].break(&draft) }
                let outcome = try gateway.decide(try text(of: draft)).outcome
                #expect(outcome.code == Self.violations[first].code, "with \(Self.violations[second].code)")
            }
        }
    }

    private func text(of draft: Draft) throws -> String {
        let claims: Members = [
            "exp": draft.claims["exp"] ?? "\(Gateway.now + 300)",
            "aud": draft.claims["aud"] ?? "\"https://gw.example/notion\"",
            "scope": draft.claims["scope"] ?? "\"notion.read\"", "cnf": draft.claims["cnf"],
        ]
        var token = try gateway.token(header: ["typ": draft.header["typ"] ?? "\"at+jwt\""], claims: claims)
        if draft.isTampered { token = token.dropLast(8) + "AAAAAAAA" }
        return
            "\(draft.method) \(draft.path) HTTP/1.1\r\nHost: \(draft.host)\r\nAuthorization: Bearer \(token)\r\n"
            + "Content-Type: \(draft.type)\r\nContent-Length: 2\r\n"
            + draft.fields.map { $0 + "\r\n" }.joined() + "\r\n"
    }
}
