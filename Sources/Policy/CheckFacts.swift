// The two sides of each check of a token: what the token says, and what the gateway expects.

internal import JOSE
internal import JSON

/// What is known when a token is explained. Nothing here decides anything.
struct CheckFacts {
    /// The token, nil if it is malformed.
    let token: UnverifiedToken?
    /// Length of the token in bytes.
    let length: Int
    let route: Route
    /// The issuer whose rules count, nil if that is not known.
    let issuer: Issuer?
    /// `iss` of every issuer of the route.
    let accepted: [String]
    let keySet: KeySet?
    let now: Int64

    /// What the token says, in printable text; never its signature.
    func claim(_ check: TokenExplanation.Check) -> String {
        guard let token else { return check == .form ? "\(length) bytes" : "" }
        switch check {
        case .form: return "\(length) bytes, three parts"
        case .trust: return claim("iss")
        case .keys, .token(.signature): return ""
        case .token(let step): return claim(of: step, token)
        case .audience: return claim("aud")
        case .senderConstraint: return token.claims["cnf"] == nil ? "no cnf" : "cnf"
        case .scopes:
            return ["scope", "scp"].filter { token.claims[$0] != nil }.map(claim).first
                ?? "no scope"
        }
    }

    private func claim(_ name: String) -> String { ClaimText.describe(token?.claims[name]) }

    private func claim(of step: TokenStep, _ token: UnverifiedToken) -> String {
        switch step {
        case .type: "typ " + (token.header.type.map { ClaimText.printable($0) } ?? "absent")
        case .issuer: claim("iss")
        case .algorithm: "alg " + ClaimText.printable(token.header.algorithmName)
        case .key: "kid " + (token.header.keyID.map { ClaimText.printable($0) } ?? "absent")
        case .signature: ""
        case .claims: ClaimText.list(token.claims.members.map(\.name))
        case .expiry: "exp " + ClaimText.time(token.claims["exp"], now: now)
        case .notBefore: "nbf " + ClaimText.time(token.claims["nbf"], now: now)
        case .issuedAt: "iat " + ClaimText.time(token.claims["iat"], now: now)
        case .lifetime: lifetime(token)
        }
    }

    private func lifetime(_ token: UnverifiedToken) -> String {
        guard let expiry = token.claims["exp"]?.number?.double,
            let issuedAt = token.claims["iat"]?.number?.double,
            let seconds = Int64(exactly: (expiry - issuedAt).rounded())
        else { return "unknown" }
        return ClaimText.duration(seconds)
    }

    /// What the gateway expects.
    func expectation(_ check: TokenExplanation.Check) -> String {
        switch check {
        case .form: return "a signed JWT of at most \(CompactJWS.maximumLength) bytes"
        case .trust: return accepted.joined(separator: " or ")
        case .keys: return issuer.map { "the keys of \"\($0.name)\" from \(keySource($0))" } ?? ""
        case .token(let step): return issuer.map { expectation(of: step, $0) } ?? ""
        case .audience:
            let own = route.audiences.joined(separator: " or ")
            let others = issuer?.otherAudiences.sorted() ?? []
            return others.isEmpty ? own : "\(own); beside it only \(others.joined(separator: ", "))"
        case .senderConstraint: return "no cnf: a plain bearer token"
        case .scopes: return route.scopes.isEmpty ? "any" : route.scopes.joined(separator: " ")
        }
    }

    private func expectation(of step: TokenStep, _ issuer: Issuer) -> String {
        let rules = issuer.rules
        let present = ClaimText.time(now)
        let skew = "\(rules.clockSkew) s tolerance"
        switch step {
        case .type:
            return rules.tokenType == .accessToken
                ? "at+jwt (RFC 9068)" : "at+jwt, or JWT or none with client_id, azp, scope or scp"
        case .issuer: return rules.issuer
        case .algorithm: return rules.algorithms.map(\.rawValue).sorted().joined(separator: ", ")
        case .key:
            let names = keySet?.keys.map { $0.keyID ?? "(without kid)" }
            return names.map { "one of " + ClaimText.list($0) } ?? "a key of the issuer"
        case .signature: return "made by that key"
        case .claims: return (["iss", "exp", "aud"] + rules.requiredClaims).joined(separator: ", ")
        case .expiry: return "after \(present) (now, \(skew))"
        case .notBefore, .issuedAt: return "absent, or not after \(present) (now, \(skew))"
        case .lifetime:
            return rules.maximumLifetime.map { "at most \(ClaimText.duration($0))" } ?? "any"
        }
    }

    /// Where the keys of `issuer` come from.
    func keySource(_ issuer: Issuer) -> String {
        switch issuer.keySource {
        case .discover: "the metadata of \(issuer.rules.issuer)"
        case .uri(let address): address
        case .file(let path): path
        }
    }
}
