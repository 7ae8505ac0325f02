// What is made of an issuer's metadata and keys.

import Bytes
import JOSE
import JSON
import OpenSSL
import Policy
import Testing

@testable import Probes

@Suite struct `The metadata of an issuer` {
    private static let resource = "https://mcp.example.com/files"

    private func verdicts(_ members: String) throws -> [Finding.Step: Finding.Verdict] {
        let object = try #require(try JSONReader.read("{\(members)}".octets.span).object)
        let findings = IssuerProbe.promises(of: object, resources: [Self.resource])
        return Dictionary(uniqueKeysWithValues: findings.map { ($0.step, $0.verdict) })
    }

    @Test(arguments: [
        ("", Finding.Verdict.note),
        ("\"resource_indicators_supported\": true", .ok),
        ("\"resource_indicators_supported\": false", .warning),
        ("\"resource_indicators_supported\": \"true\"", .note),
        ("\"protected_resources\": [\"https://a.example\", \"https://mcp.example.com/files\"]", .ok),
        ("\"protected_resources\": [\"https://mcp.example.com/files/\"]", .warning),
        ("\"protected_resources\": []", .warning),
    ])
    func `tells whether it knows the resource`(_ members: String, _ expected: Finding.Verdict) throws {
        #expect(try verdicts(members)[.resourceIndicators] == expected)
    }

    @Test(arguments: [
        ("", Finding.Verdict?.none),
        ("\"authorization_endpoint\": \"https://a.example/\"", .warning),
        ("\"authorization_endpoint\": \"\", \"code_challenge_methods_supported\": [\"plain\"]", .warning),
        (
            "\"authorization_endpoint\": \"\", \"code_challenge_methods_supported\": [\"plain\", \"S256\"]",
            .ok
        ),
    ])
    func `tells whether MCP clients will go on`(_ members: String, _ expected: Finding.Verdict?) throws {
        #expect(try verdicts(members)[.codeChallenges] == expected)
    }
}

@Suite struct `A key set` {
    private func finding(_ keys: [String], algorithms: Set<SignatureAlgorithm>) throws -> Finding {
        let keySet = try KeySet("{\"keys\": [\(keys.joined(separator: ","))]}".octets.span)
        let rules = TokenRules(issuer: "https://a.example", algorithms: algorithms)
        return IssuerProbe.judge(keySet, from: "https://a.example/jwks", rules)
    }

    @Test func `with a key for the configured algorithms can be used`() throws {
        let finding = try finding([try Sample().signer.publicJWK], algorithms: [.es256, .rs256])
        #expect(finding.verdict == .ok)
        #expect(finding.sentence.contains("1 of 1 keys"))
    }

    @Test func `without one is a problem that names the algorithms`() throws {
        let finding = try finding([try Sample().signer.publicJWK], algorithms: [.rs256, .es384])
        #expect(finding.verdict == .problem)
        #expect(finding.sentence.contains("ES384, RS256"))
    }

    @Test(arguments: [
        ("{\"kty\": \"oct\", \"k\": \"AAAA\", \"kid\": \"s\"}", Finding.Verdict.warning, "s (symmetric_key)"),
        (
            "{\"kty\": \"RSA\", \"use\": \"enc\", \"n\": \"AQAB\", \"e\": \"AQAB\"}", .ok,
            "key 1 (not_for_signatures)"
        ),
        (
            "{\"kty\": \"EC\", \"crv\": \"P-256\", \"kid\": \"\\u001b[31m\"}", .warning,
            "\\u{1b}[31m (member_invalid)"
        ),
    ])
    func `tells what it skips and why`(_ key: String, _ verdict: Finding.Verdict, _ words: String) throws {
        let finding = try finding([try Sample().signer.publicJWK, key], algorithms: [.es256])
        #expect(finding.verdict == verdict)
        #expect(
            finding.sentence.contains("1 of 2 keys") && finding.sentence.contains(words),
            "\(finding.sentence)"
        )
    }
}
