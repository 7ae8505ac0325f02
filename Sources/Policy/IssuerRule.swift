// Whose rules a token is judged by.

public import JOSE

/// The choice of an issuer.
public enum IssuerRule {
    /// The issuer of `route` whose `iss` the token claims, nil if it is none of them.
    ///
    /// The claim only chooses the rules; they check it again, byte for byte.
    public static func issuer(of token: UnverifiedToken, at route: Route, in snapshot: Snapshot) -> IssuerID?
    {
        let claimed = token.issuer
        return route.issuers.first { snapshot.issuer($0).rules.issuer == claimed }
    }
}
