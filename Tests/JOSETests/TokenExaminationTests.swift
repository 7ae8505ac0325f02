// All steps of a token's check, one after the other, as explain shows them.

import Bytes
import JOSE
import OpenSSL
import Testing

@Suite struct TokenExaminationTests {
    /// The verdict of every step on `text`, each performed by itself, and whether a verified token came out.
    static func verdicts(
        of text: String,
        by issuer: TokenIssuer,
        steps: [TokenStep] = TokenStep.allCases
    ) throws -> (refusals: [TokenStep: String], isVerified: Bool) {
        var examination = TokenExamination(
            of: try UnverifiedToken(text.utf8Span.span),
            keys: issuer.keys,
            rules: TokenIssuer.strictRules,
            now: TokenIssuer.now
        )
        var refusals: [TokenStep: String] = [:]
        for step in steps {
            do throws(TokenRefusal) { try examination.perform(step) } catch { refusals[step] = error.code }
        }
        return (refusals, examination.conclude() != nil)
    }

    @Test func `goes on after a refusal and says all that is wrong`() throws {
        let issuer = try TokenIssuer()
        let now = TokenIssuer.now
        let text = try issuer.token(
            header: ["typ": "\"JWT\"", "kid": "\"k9\""],
            claims: ["iss": "\"https://b.example\"", "exp": "\(now - 100)", "nbf": "\(now + 100)"]
        )
        let (refusals, isVerified) = try Self.verdicts(of: text, by: issuer)
        #expect(
            refusals == [
                .type: "type_not_allowed", .issuer: "issuer_mismatch", .key: "unknown_key",
                .signature: "unknown_key", .expiry: "expired", .notBefore: "not_yet_valid",
            ]
        )
        #expect(!isVerified)
    }

    @Test func `verifies a good token`() throws {
        let issuer = try TokenIssuer()
        let (refusals, isVerified) = try Self.verdicts(of: issuer.token(), by: issuer)
        #expect(refusals.isEmpty)
        #expect(isVerified)
    }

    @Test(arguments: TokenStep.allCases)
    func `makes no verified token while a step is missing`(missing: TokenStep) throws {
        let issuer = try TokenIssuer()
        // A step that needs the missing one performs it, so those are left out with it.
        let steps = TokenStep.allCases.filter { step in
            var needed: TokenStep? = step
            while let current = needed, current != missing { needed = current.prerequisite }
            return needed == nil
        }
        let (refusals, isVerified) = try Self.verdicts(of: issuer.token(), by: issuer, steps: steps)
        #expect(refusals.isEmpty)
        #expect(!isVerified)
    }

    @Test func `says nothing about times while the claims have the wrong types`() throws {
        let issuer = try TokenIssuer()
        let (refusals, _) = try Self.verdicts(of: issuer.token(claims: ["exp": "\"soon\""]), by: issuer)
        #expect(
            refusals == [
                .claims: "claim_invalid", .expiry: "claim_invalid", .notBefore: "claim_invalid",
                .issuedAt: "claim_invalid", .lifetime: "claim_invalid",
            ]
        )
    }
}
