// Whose rules a token is judged by.

internal import Bytes
public import JOSE

/// The choice of an issuer.
public enum IssuerRule {
    /// The issuer of `route` whose `iss` the token claims, nil if it is none of them.
    ///
    /// The claim only chooses the rules; they check it again, byte for byte.
    public static func issuer(of token: UnverifiedToken, at route: Route, in snapshot: Snapshot) -> IssuerID?
    {
        guard let claimed = token.issuer else { return nil }
        return route.issuers.first { claimed.isIdentical(to: snapshot.issuer($0).rules.issuer) }
    }
}
