// The tokens that a live check presents: those of the operator, and those that nobody issued.

import Bytes
import JOSE
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
    /// What the gateway would say of each token at /files, first refusal only.
    private func reasons(_ sample: Sample, keySet: KeySet?) throws -> [[String]] {
        let issuer = sample.snapshot.issuers[0]
        let forged = try #require(ForgedTokens(of: issuer, keySet: keySet))
        let route = sample.snapshot.route(Sample.files)
        return forged.tokens(for: route, now: Int(Sample.now)).map { token in
            sample.explain(token.text.octets, at: Sample.files).steps.compactMap(\.reason?.code)
        }
    }

    @Test func `is wrong in its signature alone`() throws {
        let sample = try Sample()
        let reasons = try reasons(sample, keySet: sample.keySet)
        #expect(reasons.count == 2)
        #expect(reasons[0] == ["signature_invalid"])
        #expect(reasons[1].first == "algorithm_not_allowed")
    }

    @Test func `is wrong in its key where no key is known`() throws {
        let sample = try Sample(algorithms: "\"EdDSA\", \"ES256\"")
        #expect(try reasons(sample, keySet: nil)[0] == ["unknown_key"])
    }

    @Test(arguments: SignatureAlgorithm.allCases)
    func `is signed by what the issuer may sign with`(_ algorithm: SignatureAlgorithm) throws {
        let sample = try Sample(algorithms: "\"\(algorithm.rawValue)\"")
        let forged = try #require(ForgedTokens(of: sample.snapshot.issuers[0], keySet: nil))
        let token = forged.tokens(for: sample.snapshot.route(Sample.files), now: 0)[0]
        let jws = try CompactJWS(token.text.octets.span)
        #expect(try jws.header.algorithm(among: [algorithm]) == algorithm)
    }
}
