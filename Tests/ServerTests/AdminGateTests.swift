// Who may ask at the admin listener: hosts, methods, pages of other sites, tokens; most of it is bad input.

import Bytes
import Configuration
import HTTP
import OpenSSL
import Policy
import Testing

@testable import Server

@Suite struct `The gate of the admin listener` {
    private static let token = "5YtD2uJ0m3G7yq1XwK8bR6vS9cN4fZ2hL5aT0eP3oQw="

    private static func gate(
        _ hosts: Set<String> = ["localhost", "127.0.0.1", "[::1]"],
        anyAddress: Bool = false,
        hasToken: Bool = false
    ) -> AdminGate {
        AdminGate(
            AdminSettings(
                listener: Listener(address: "127.0.0.1:9901", purpose: .admin),
                hosts: hosts,
                answersForAnyAddress: anyAddress,
                tokenDigest: hasToken ? SHA256.digest(of: token.octets.span) : nil
            )
        )
    }

    /// The code of the refusal, empty if there is none.
    private static func verdict(
        _ gate: AdminGate,
        _ request: borrowing RequestHead,
        mayBeLinked: Bool = false
    )
        -> String
    {
        gate.refusal(of: request, mayBeLinked: mayBeLinked)?.reason.code ?? ""
    }

    @Test(arguments: [
        ("localhost", ""), ("localhost:9901", ""), ("LOCALHOST:1", ""), ("127.0.0.1:9901", ""),
        ("[::1]:9901", ""),
        ("[0:0:0:0:0:0:0:1]", ""), ("evil.example", "host_unknown"),
        ("localhost.evil.example", "host_unknown"),
        ("127.0.0.1.evil.example:9901", "host_unknown"), ("127.0.0.2", "host_unknown"),
        ("[::2]", "host_unknown"),
        ("localhos", "host_unknown"), ("localhost.", "host_unknown"), ("2130706433", "host_unknown"),
        ("0x7f.0.0.1", "host_unknown"),
    ])
    func `answers for its own hosts alone, whatever the port`(_ host: String, _ code: String) throws {
        #expect(Self.verdict(Self.gate(), try head("/metrics", host: host)) == code)
    }

    @Test(arguments: [
        ("10.1.2.3:9901", ""), ("[2001:db8::7]:9901", ""), ("gateway.internal", "host_unknown"),
        ("10.1.2.3.evil.example", "host_unknown"), ("localhost", ""),
    ])
    func `on all addresses it answers for any of them, and for no name`(_ host: String, _ code: String) throws
    {
        #expect(Self.verdict(Self.gate(anyAddress: true), try head("/metrics", host: host)) == code)
    }

    @Test(arguments: ["POST", "PUT", "DELETE", "OPTIONS", "PATCH", "TRACE"])
    func `refuses methods that do not read`(_ method: String) throws {
        let gate = Self.gate()
        let request = try head("/metrics", method: method)
        let found = gate.refusal(of: request, mayBeLinked: false)
        let refusal = try #require(found)
        #expect(refusal.status == 405)
        #expect(refusal.all("Allow") == ["GET, HEAD"])
    }

    @Test(arguments: [
        (["Sec-Fetch-Site: same-origin"], ""), (["Sec-Fetch-Site: none"], ""),
        (["Sec-Fetch-Site: cross-site"], "origin_not_allowed"),
        (["sec-fetch-site: same-site"], "origin_not_allowed"),
        (["Sec-Fetch-Site: same-origin", "Sec-Fetch-Site: cross-site"], "origin_not_allowed"),
        (["Sec-Fetch-Site: "], "origin_not_allowed"), (["Origin: http://localhost:9901"], ""),
        (["Origin: https://LOCALHOST:9901"], ""), (["Origin: http://localhost:9902"], "origin_not_allowed"),
        (["Origin: null"], "origin_not_allowed"), (["Origin: "], "origin_not_allowed"),
        (["Origin: http://evil.example"], "origin_not_allowed"),
        (["Origin: http://localhost:9901", "Origin: http://evil.example"], "origin_not_allowed"),
        (["Origin: http://localhost:9901/"], "origin_not_allowed"),
        (
            ["Sec-Fetch-Site: cross-site", "Sec-Fetch-Mode: navigate", "Sec-Fetch-Dest: document"],
            "origin_not_allowed"
        ),
    ])
    func `refuses what pages of other sites ask`(_ fields: [String], _ code: String) throws {
        #expect(Self.verdict(Self.gate(), try head("/status.json", fields)) == code)
    }

    @Test(arguments: [
        (["Sec-Fetch-Site: cross-site", "Sec-Fetch-Mode: navigate", "Sec-Fetch-Dest: document"], ""),
        (
            ["Sec-Fetch-Site: cross-site", "Sec-Fetch-Mode: navigate", "Sec-Fetch-Dest: iframe"],
            "origin_not_allowed"
        ),
        (
            ["Sec-Fetch-Site: cross-site", "Sec-Fetch-Mode: cors", "Sec-Fetch-Dest: empty"],
            "origin_not_allowed"
        ),
        (
            [
                "Sec-Fetch-Site: cross-site", "Sec-Fetch-Mode: navigate", "Sec-Fetch-Dest: document",
                "Origin: http://evil.example",
            ], "origin_not_allowed"
        ),
        (["Sec-Fetch-Site: cross-site"], "origin_not_allowed"),
    ])
    func `a link of another site may lead to the page`(_ fields: [String], _ code: String) throws {
        #expect(Self.verdict(Self.gate(), try head("/", fields), mayBeLinked: true) == code)
    }

    @Test(arguments: [
        (["Authorization: Bearer \(token)"], true), (["Authorization: bearer \(token)"], true),
        (["Authorization: Basic \(basic("admin:" + token))"], true),
        (["Authorization: Basic \(basic(":" + token))"], true), ([], false),
        (["Authorization: \(token)"], false),
        (["Authorization: Bearer"], false), (["Authorization: Bearer "], false),
        (["Authorization: Bearer \(token)x"], false), (["Authorization: Bearer \(token.dropLast())"], false),
        (["Authorization: Bearer x\(token)"], false), (["Authorization: Bearer  \(token)"], true),
        (["Authorization: Bearer \(token.lowercased())"], false), (["Authorization: Token \(token)"], false),
        (["Authorization: Bearer \(token)", "Authorization: Bearer \(token)"], false),
        (["Authorization: Bearer \(token), Bearer x"], false),
        (["Authorization: Basic \(basic(token))"], false),
        (["Authorization: Basic \(basic("a:b:" + token))"], false),
        (["Authorization: Basic !!!"], false), (["Authorization: Basic"], false),
        (["Authorization: Basic \(token)"], false), (["Cookie: token=\(token)"], false),
    ])
    func `asks for the token where there is one`(_ fields: [String], _ isRight: Bool) throws {
        let gate = Self.gate(hasToken: true)
        let request = try head("/metrics", fields)
        let refusal = gate.refusal(of: request, mayBeLinked: false)
        #expect((refusal == nil) == isRight)
        guard let refusal else { return }
        #expect(refusal.status == 401)
        #expect(refusal.reason == .access(.adminUnauthorized))
        #expect(refusal.all("WWW-Authenticate").map { $0.prefix(6) } == ["Basic ", "Bearer"])
        #expect(!refusal.text.contains(Self.token))
    }

    @Test func `a token in the query is none`() throws {
        let gate = Self.gate(hasToken: true)
        #expect(Self.verdict(gate, try head("/metrics?access_token=\(Self.token)")) == "admin_unauthorized")
    }

    @Test func `a stranger learns of the host before the token`() throws {
        let gate = Self.gate(hasToken: true)
        #expect(Self.verdict(gate, try head("/metrics", host: "evil.example")) == "host_unknown")
    }

    /// Credentials as RFC 7617 writes them.
    private static func basic(_ text: String) -> String {
        var encoded = Base64URL.encode(text.octets.span)
            .map { $0 == "-" ? "+" : $0 == "_" ? "/" : String($0) }.joined()
        while encoded.utf8.count % 4 != 0 { encoded += "=" }
        return encoded
    }
}
