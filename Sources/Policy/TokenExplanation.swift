// A token on its way through every check of one route, told step by step: what `audgate explain` shows.

internal import Bytes
public import JOSE

/// Why the keys of an issuer cannot be had, in a sentence.
public struct KeysUnavailable: Error, Equatable, Sendable {
    /// What is wrong.
    public let problem: String

    /// Makes the error.
    public init(problem: String) {
        self.problem = problem
    }
}

/// What becomes of a token at a route, check by check.
///
/// The checks are those of `AccessPolicy`, performed by the same functions in the same order; other than the gateway the
/// explanation goes on behind the first refusal. Checks of the request around the token are not part of it.
public struct TokenExplanation: Sendable {
    /// One check.
    public enum Check: Hashable, Sendable {
        /// One token, well formed.
        case form
        /// An issuer that the route trusts.
        case trust
        /// The keys of that issuer.
        case keys
        /// A step of the verification.
        case token(TokenStep)
        /// `aud` is the resource.
        case audience
        /// The token is a plain bearer token.
        case senderConstraint
        /// The scopes that every request to the route needs.
        case scopes

        /// The name of the check in reports, in lower case with underscores.
        public var name: String {
            switch self {
            case .form: "form"
            case .trust: "trusted_issuer"
            case .keys: "keys"
            case .token(.notBefore): "not_before"
            case .token(.issuedAt): "issued_at"
            case .token(let step): step.name
            case .audience: "audience"
            case .senderConstraint: "sender_constraint"
            case .scopes: "scopes"
            }
        }

        /// All checks in their order.
        public static let all: [Check] =
            [.form, .trust, .keys] + TokenStep.allCases.map { .token($0) }
            + [.audience, .senderConstraint, .scopes]
    }

    /// What became of a check.
    public enum Verdict: String, Sendable {
        /// The token passes it.
        case passed
        /// The token, or the gateway without keys, fails it.
        case refused
        /// An earlier check leaves nothing to look at.
        case notReached = "not_reached"
    }

    /// A check with its outcome. All texts are printable ASCII and bounded, whatever the token holds.
    public struct Step: Sendable {
        /// The check.
        public let check: Check
        /// Its outcome.
        public let verdict: Verdict
        /// Why it refuses, nil if it does not.
        public let reason: Reason?
        /// What exactly is wrong, where the reason does not say it.
        public let detail: String?
        /// What the token says.
        public let claim: String
        /// What the gateway expects.
        public let expectation: String
        /// What to change, and where.
        public let remedies: [Remedy]
    }

    /// All checks in their order.
    public let steps: [Step]

    /// The reason code that the gateway would log: that of the first refusal, or `allowed`.
    public var reason: Reason { steps.lazy.compactMap(\.reason).first ?? .access(.allowed) }

    /// Whether the token passes every check.
    public var isAllowed: Bool { steps.allSatisfy { $0.verdict == .passed } }

    /// Explains `text` at a route.
    ///
    /// - Parameters:
    ///   - text: The token as it would stand behind `Bearer`.
    ///   - route: The route.
    ///   - snapshot: The configuration.
    ///   - keys: The keys of the issuer that `issuer(of:at:in:)` names, or why there are none.
    ///   - now: Seconds since the Unix epoch.
    public init(
        _ text: Span<UInt8>,
        at route: RouteID,
        in snapshot: Snapshot,
        keys: Result<KeySet, KeysUnavailable>,
        now: Int64
    ) {
        let route = snapshot.route(route)
        var walk = TokenWalk()
        let token = walk.read(text)
        let issuer = token.flatMap { walk.chooseIssuer(of: $0, at: route, in: snapshot) }
        let keySet = issuer.flatMap { _ in walk.take(keys) }
        if let token, let issuer {
            walk.examine(token, keySet, at: route, from: snapshot.issuer(issuer), in: snapshot, now: now)
        }
        let facts = CheckFacts(
            token: token,
            length: text.count,
            route: route,
            // Where the claim chooses no issuer, the only one of the route tells what is expected.
            issuer: (issuer ?? (route.issuers.count == 1 ? route.issuers[0] : nil)).map(snapshot.issuer),
            accepted: route.issuers.map { snapshot.issuer($0).rules.issuer },
            keySet: keySet,
            now: now
        )
        steps = Check.all.map { check in
            let finding = walk.findings[check]
            return Step(
                check: check,
                verdict: finding?.verdict ?? .notReached,
                reason: finding?.reason,
                detail: finding?.detail.map { ClaimText.printable($0) },
                claim: facts.claim(check),
                expectation: facts.expectation(check),
                remedies: finding?.reason.map { facts.remedies(for: $0, finding?.name) } ?? []
            )
        }
    }

    /// The issuer whose keys the explanation of `text` needs, nil if it needs none.
    public static func issuer(of text: Span<UInt8>, at route: RouteID, in snapshot: Snapshot) -> IssuerID? {
        guard let token = try? UnverifiedToken(text) else { return nil }
        return IssuerRule.issuer(of: token, at: snapshot.route(route), in: snapshot)
    }
}

/// Performs the checks and notes what came of each.
private struct TokenWalk {
    struct Finding {
        var verdict: TokenExplanation.Verdict
        var reason: Reason?
        var name: String?
        var detail: String?
    }

    private(set) var findings: [TokenExplanation.Check: Finding] = [:]

    private mutating func pass(_ check: TokenExplanation.Check) {
        findings[check] = Finding(verdict: .passed)
    }

    private mutating func refuse(
        _ check: TokenExplanation.Check,
        _ reason: Reason,
        name: String? = nil,
        detail: String? = nil
    ) {
        findings[check] = Finding(verdict: .refused, reason: reason, name: name, detail: detail)
    }

    mutating func read(_ text: Span<UInt8>) -> UnverifiedToken? {
        if let reason = BearerCredentials.refusal(of: text) {
            refuse(.form, .access(reason))
            return nil
        }
        do throws(TokenRefusal) {
            let token = try UnverifiedToken(text)
            pass(.form)
            return token
        } catch {
            refuse(.form, .token(error.reason), name: error.name, detail: error.name)
            return nil
        }
    }

    mutating func chooseIssuer(
        of token: UnverifiedToken,
        at route: Route,
        in snapshot: Snapshot
    ) -> IssuerID? {
        guard let issuer = IssuerRule.issuer(of: token, at: route, in: snapshot) else {
            refuse(.trust, .access(.issuerUnknown))
            return nil
        }
        pass(.trust)
        return issuer
    }

    mutating func take(_ keys: Result<KeySet, KeysUnavailable>) -> KeySet? {
        switch keys {
        case .success(let keySet):
            pass(.keys)
            return keySet
        case .failure(let error):
            refuse(.keys, .access(.keysUnavailable), detail: error.problem)
            return nil
        }
    }

    mutating func examine(
        _ token: UnverifiedToken,
        _ keys: KeySet?,
        at route: Route,
        from issuer: Issuer,
        in snapshot: Snapshot,
        now: Int64
    ) {
        var examination = TokenExamination(of: token, keys: keys, rules: issuer.rules, now: now)
        for step in TokenStep.allCases where canPerform(step, keys) {
            do throws(TokenRefusal) {
                try examination.perform(step)
                pass(.token(step))
            } catch {
                refuse(.token(step), .token(error.reason), name: error.name, detail: error.name)
            }
        }
        guard let audiences = examination.claimedAudiences else { return }
        checkAudience(audiences, at: route, from: issuer, in: snapshot)
        if examination.claimsSenderConstraint == true {
            refuse(.senderConstraint, .access(.senderConstrained))
        } else {
            pass(.senderConstraint)
        }
        checkScopes(examination.claimedScopes ?? [], at: route, in: snapshot)
    }

    private func canPerform(_ step: TokenStep, _ keys: KeySet?) -> Bool {
        if step == .key, keys == nil { return false }
        guard let prerequisite = step.prerequisite else { return true }
        return findings[.token(prerequisite)]?.verdict == .passed
    }

    private mutating func checkAudience(
        _ audiences: [String],
        at route: Route,
        from issuer: Issuer,
        in snapshot: Snapshot
    ) {
        guard let refusal = AudienceRule.refusal(of: audiences, for: route, from: issuer) else {
            return pass(.audience)
        }
        let diagnosis = AudienceDiagnosis(audiences, at: route, refusal: refusal, in: snapshot)
        let intended = diagnosis.intendedRoute.map {
            "The token names \(snapshot.route($0).resource.text), another route of this gateway"
        }
        refuse(.audience, .access(diagnosis.reason), detail: intended)
    }

    private mutating func checkScopes(_ scopes: [String], at route: Route, in snapshot: Snapshot) {
        let missing = ScopeRule.missing(
            route.scopes,
            from: scopes,
            implications: snapshot.scopeImplications
        )
        guard !missing.isEmpty else { return pass(.scopes) }
        let names = missing.joined(separator: " ")
        refuse(.scopes, .access(.insufficientScope), name: names, detail: "Missing: \(names)")
    }
}
