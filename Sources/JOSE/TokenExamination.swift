// One token on its way through the checks: the gateway stops at the first refusal, `explain` walks on.

internal import Bytes
internal import JSON

/// The examination of one token under one issuer's rules.
///
/// Each rule is in one function of one step. A token counts as verified only after every step was performed and
/// none refused it.
public struct TokenExamination: ~Copyable {
    let token: UnverifiedToken
    private let keys: KeySet?
    let rules: TokenRules
    private let now: Int64
    private var passed = TokenSteps()
    private var algorithm: SignatureAlgorithm?
    /// The key that must have signed, nil until the step `key` has found it.
    public private(set) var key: VerificationKey?
    private(set) var claims: TokenClaims?

    /// Starts an examination in which nothing has been performed.
    ///
    /// - Parameters:
    ///   - token: The token as presented.
    ///   - keys: The keys of the issuer; without them the step `key` refuses every token.
    ///   - rules: The rules for the issuer's tokens.
    ///   - now: Seconds since 1970.
    public init(of token: UnverifiedToken, keys: KeySet?, rules: TokenRules, now: Int64) {
        self.token = token
        self.keys = keys
        self.rules = rules
        self.now = now
    }

    /// `aud` as claimed, nil until the step `claims` has passed; to explain a refusal, never for a decision.
    public var claimedAudiences: [String]? { claims?.audiences }

    /// The names in `scope` and `scp` as claimed, nil until the step `claims` has passed; never for a decision.
    public var claimedScopes: [String]? { claims?.scopes }

    /// Whether the token claims `cnf`, nil until the step `claims` has passed; never for a decision.
    public var claimsSenderConstraint: Bool? { claims?.isSenderConstrained }

    /// Whether every step was performed and none refused the token.
    var isComplete: Bool { passed == .all }

    /// Performs one step.
    ///
    /// - Throws: The refusal of this step, or of the prerequisite that it cannot do without.
    public mutating func perform(_ step: TokenStep) throws(TokenRefusal) {
        if let prerequisite = step.prerequisite, !passed.contains(prerequisite) { try perform(prerequisite) }
        switch step {
        case .type: try rules.checkType(of: token)
        case .issuer: try checkIssuer()
        case .algorithm: algorithm = try token.header.algorithm(among: rules.algorithms)
        case .key: try chooseKey()
        case .signature: try checkSignature()
        case .claims: claims = try TokenClaims(token.claims, required: rules.requiredClaims)
        case .expiry: try checkExpiry()
        case .notBefore: try checkNotBefore()
        case .issuedAt: try checkIssuedAt()
        case .lifetime: try checkLifetime()
        }
        passed.insert(step)
    }

    private func checkIssuer() throws(TokenRefusal) {
        guard let value = token.claims["iss"] else { throw TokenRefusal(.claimMissing, "iss") }
        guard let issuer = value.string else { throw TokenRefusal(.claimInvalid, "iss") }
        guard issuer.isIdentical(to: rules.issuer) else { throw TokenRefusal(.issuerMismatch) }
    }

    private mutating func chooseKey() throws(TokenRefusal) {
        guard let algorithm else { throw TokenRefusal(.algorithmNotAllowed) }
        guard let keys else { throw TokenRefusal(.unknownKey) }
        key = try keys.key(for: token.header, algorithm: algorithm)
    }

    private func checkSignature() throws(TokenRefusal) {
        guard let key, let algorithm, key.verifies(token.jws, by: algorithm) else {
            throw TokenRefusal(.signatureInvalid)
        }
    }

    private func checkExpiry() throws(TokenRefusal) {
        guard let claims, claims.expiry + rules.clockSkew > now else { throw TokenRefusal(.expired) }
    }

    private func checkNotBefore() throws(TokenRefusal) {
        guard let notBefore = claims?.notBefore else { return }
        guard notBefore - rules.clockSkew <= now else { throw TokenRefusal(.notYetValid) }
    }

    private func checkIssuedAt() throws(TokenRefusal) {
        guard let issuedAt = claims?.issuedAt else { return }
        guard issuedAt - rules.clockSkew <= now else { throw TokenRefusal(.issuedInFuture) }
    }

    private func checkLifetime() throws(TokenRefusal) {
        guard let longest = rules.maximumLifetime else { return }
        guard let claims, let issuedAt = claims.issuedAt else { throw TokenRefusal(.claimMissing, "iat") }
        guard claims.expiry - issuedAt <= longest else { throw TokenRefusal(.lifetimeTooLong) }
    }
}
