// The token that the operator gives, to see who takes it: judged by this configuration before it goes anywhere.

internal import Bytes
internal import JOSE
internal import JSON
internal import Policy
internal import Proxy
internal import Transport

/// A token that is valid for one route.
struct OperatorToken: Sendable {
    /// As it stands behind `Bearer`.
    let text: String
    /// The route that it was issued for.
    let home: RouteID

    /// Judges `bytes` as the gateway would.
    ///
    /// - Parameters:
    ///   - bytes: The token.
    ///   - snapshot: The configuration.
    ///   - now: Seconds since the Unix epoch.
    ///   - keys: Gives the keys of an issuer.
    /// - Returns: What is to be said of it, and the token, if it can show anything.
    static func judge(
        _ bytes: [UInt8],
        in snapshot: Snapshot,
        now: Int64,
        keys: (IssuerID) -> Result<KeySet, KeysUnavailable>
    ) -> (token: OperatorToken?, finding: Finding) {
        guard let unverified = try? UnverifiedToken(bytes.span), let text = String(validating: bytes.span)
        else {
            return (nil, useless("This is no signed token."))
        }
        let claim = unverified.claims["aud"]
        let audiences = claim?.strings ?? claim?.string.map { [$0] } ?? []
        guard let home = audiences.lazy.compactMap({ snapshot.audienceOwners[$0] }).first else {
            return (nil, useless("The token is for no route: its audience is \(audiences)."))
        }
        let resource = snapshot.route(home).resource.text
        let issuer = TokenExplanation.issuer(of: bytes.span, at: home, in: snapshot)
        let explanation = TokenExplanation(
            bytes.span,
            at: home,
            in: snapshot,
            keys: issuer.map(keys) ?? .failure(KeysUnavailable(problem: "No issuer is known.")),
            now: now
        )
        switch explanation.reason {
        // Scopes are asked for behind the audience, which is what this is about.
        case .access(.allowed), .access(.insufficientScope):
            let finding = Finding(.ok, .token, "The token is valid for \(resource), and for no other route.")
            return (OperatorToken(text: text, home: home), finding)
        case .access(.keysUnavailable):
            let sentence =
                "Without the keys of its issuer the token proves nothing; it was presented nowhere."
            return (nil, Finding(.warning, .token, sentence, "See what is said of the issuer."))
        default:
            return (
                nil, useless("The token is not valid for its route \(resource): \(explanation.reason.code).")
            )
        }
    }

    private static func useless(_ sentence: String) -> Finding {
        Finding(
            .problem,
            .token,
            "\(sentence) It was presented nowhere.",
            "Give a fresh token for one route; \"audgate explain\" says what is wrong with this one."
        )
    }
}
