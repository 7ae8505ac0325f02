// What holds for every text that is presented as a token: the fuzz target of the token reader and its steps.

import Bytes
import JOSE

/// The invariants of `UnverifiedToken` and `TokenVerifier`.
enum TokenInvariants {
    /// The public key of RFC 8037 appendix A, whose private half signs no access token.
    private static let keySet = try? KeySet(
        #"{"keys":[{"kty":"OKP","crv":"Ed25519","x":"11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo"}]}"#
            .utf8Span.span
    )

    /// The invariant that `text` breaks, nil if none.
    static func broken(by text: Span<UInt8>) -> String? {
        guard let keys = keySet else { return "the key set cannot be read" }
        guard let token = try? UnverifiedToken(text) else { return nil }
        let parts = Array(copying: text).split(
            separator: UInt8(ascii: "."),
            omittingEmptySubsequences: false
        )
        let payload = Base64URL.encode(token.jws.payload.span)
        guard parts.count == 3, Array(payload.utf8)[...] == parts[1] else {
            return "the payload has another spelling"
        }
        let rules = TokenRules(issuer: token.issuer ?? "")
        var examination = TokenExamination(of: token, keys: keys, rules: rules, now: 1_000_000_000)
        for step in TokenStep.allCases { try? examination.perform(step) }
        let verified = try? TokenVerifier.verify(token, keys: keys, rules: rules, now: 1_000_000_000)
        return verified == nil ? nil : "verified without a signature"
    }
}
