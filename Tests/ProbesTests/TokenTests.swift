// The tokens that a live check presents: those of the operator, and those that nobody issued.

import Bytes
import JOSE
import OpenSSL
import Policy
import Testing

@testable import Probes

@Suite struct `A token of the operator` {
    private func judge(_ token: [UInt8], _ sample: Sample) -> (token: OperatorToken?, finding: Finding) {
        OperatorToken.judge(token, in: sample.snapshot, now: Sample.now) { _ in .success(sample.keySet) }
    }

    @Test func `that is valid for one route knows its home`() throws {
        let sample = try Sample()
        let token = try sample.token(for: "\"https://mcp.example.com/calendar\"")
        let judged = judge(token, sample)
        #expect(judged.token?.home == Sample.calendar)
        #expect(judged.token?.text.octets == token)
        #expect(judged.finding.verdict == .ok)
    }

    @Test(arguments: [
        "\"https://elsewhere.example\"", "[]", "null",
        "[\"https://mcp.example.com/files\", \"https://mcp.example.com/calendar\"]",
        "\"https://mcp.example.com/files/\"",
    ])
    func `for no route, or for two, is presented nowhere`(_ audience: String) throws {
        let sample = try Sample()
        let judged = judge(try sample.token(for: audience), sample)
        #expect(judged.token == nil)
        #expect(judged.finding.verdict == .problem)
    }

    @Test func `that has expired is presented nowhere, and says why`() throws {
        let sample = try Sample()
        let token = try sample.token(for: "\"https://mcp.example.com/files\"", expires: Sample.now - 600)
        let judged = judge(token, sample)
        #expect(judged.token == nil)
        #expect(judged.finding.sentence.contains("expired"))
    }

    @Test(arguments: ["", "x", "a.b.c", "opaque token", "\u{1B}[31m.b.c", "a\r\nX-Injected: b"])
    func `that is none is presented nowhere`(_ text: String) throws {
        let judged = judge(text.octets, try Sample())
        #expect(judged.token == nil)
        #expect(judged.finding.verdict == .problem)
    }

    @Test func `proves nothing without keys`() throws {
        let sample = try Sample()
        let token = try sample.token(for: "\"https://mcp.example.com/files\"")
        let judged = OperatorToken.judge(token, in: sample.snapshot, now: Sample.now) { _ in
            .failure(KeysUnavailable(problem: "down"))
        }
        #expect(judged.token == nil)
        #expect(judged.finding.verdict == .warning)
    }

    @Test func `never stands in what is found`() throws {
        let sample = try Sample()
        for audience in ["\"https://mcp.example.com/files\"", "\"https://elsewhere.example\""] {
            let token = try sample.token(for: audience)
            let text = String(decoding: token, as: UTF8.self)
            let finding = judge(token, sample).finding
            for part in text.split(separator: ".") where part.count > 20 {
                #expect(!(finding.sentence + (finding.remedy ?? "")).contains(part))
            }
        }
    }
}

@Suite struct `A forged token` {
    private func tokens(_ sample: Sample, keySet: KeySet?) -> [ForgedTokens.Token] {
        ForgedTokens(of: sample.snapshot.issuers[0], keySet: keySet)
            .tokens(for: sample.snapshot.route(Sample.files), now: Int(Sample.now))
    }

    /// Why the gateway would refuse it at /files: every reason.
    private func reasons(_ token: ForgedTokens.Token, _ sample: Sample) -> [String] {
        sample.explain(token.text.octets, at: Sample.files).steps.compactMap(\.reason?.code)
    }

    @Test func `is wrong in its signature alone`() throws {
        let sample = try Sample()
        let tokens = tokens(sample, keySet: sample.keySet)
        #expect(tokens.count == 2)
        #expect(reasons(tokens[0], sample) == ["signature_invalid"])
        #expect(reasons(tokens[1], sample).first == "algorithm_not_allowed")
    }

    @Test func `has no signature where no key is known, so that the gateway fetches none`() throws {
        let sample = try Sample()
        #expect(tokens(sample, keySet: nil).map(\.name) == ["a token without a signature"])
        let other = try Sample(algorithms: "\"RS256\"")
        #expect(tokens(other, keySet: other.keySet).map(\.name) == ["a token without a signature"])
    }

    @Test(arguments: [
        (KeyKind.rsa, SignatureAlgorithm.ps512), (.rsa, .rs256), (.ellipticCurve(.p384), .es384),
        (.ellipticCurve(.p521), .es512), (.edwards(.ed448), .eddsa), (.edwards(.ed25519), .ed25519),
    ])
    func `is signed by what the issuer's key is for`(_ kind: KeyKind, _ algorithm: SignatureAlgorithm) throws
    {
        let sample = try Sample(algorithms: "\"\(algorithm.rawValue)\"")
        let signer = try #require(
            TokenSigner(key: SigningKey(generating: kind), algorithm: algorithm, keyID: "k9")
        )
        let keySet = try KeySet("{\"keys\":[\(signer.publicJWK)]}".octets.span)
        let jws = try CompactJWS(try #require(tokens(sample, keySet: keySet).first).text.octets.span)
        let key = try keySet.key(for: jws.header, algorithm: algorithm)
        #expect(try jws.header.algorithm(among: [algorithm]) == algorithm)
        #expect(!key.verifies(jws, by: algorithm))
    }
}
