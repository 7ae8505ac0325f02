// From a presented token to a verified one.

/// Takes a token through every step.
public enum TokenVerifier {
    /// Verifies `token`.
    ///
    /// - Parameters:
    ///   - token: The token as presented.
    ///   - keys: The keys of the issuer.
    ///   - rules: The rules for the issuer's tokens.
    ///   - now: Seconds since 1970.
    /// - Returns: The verified token. Its audiences and sender constraint are still to be judged.
    /// - Throws: The refusal of the first step that failed. `unknownKey` may mean that `keys` are old.
    public static func verify(
        _ token: UnverifiedToken,
        keys: KeySet,
        rules: TokenRules,
        now: Int64
    ) throws(TokenRefusal) -> VerifiedToken {
        var examination = TokenExamination(of: token, keys: keys, rules: rules, now: now)
        for step in TokenStep.inOrder { try examination.perform(step) }
        guard let verified = examination.conclude() else { throw TokenRefusal(.signatureInvalid) }
        return verified
    }
}
