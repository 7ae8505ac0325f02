// The rule that audgate exists for: a token passes only where it was issued for exactly that resource.

internal import Bytes

/// Whether the audiences of a token are those of a route (decisions D2 and D3).
public enum AudienceRule {
    /// Judges `audiences`.
    ///
    /// Strings are compared byte for byte. One of them must be the resource or one of the route's aliases, and every
    /// other one must be an audience that the issuer always adds.
    ///
    /// - Returns: Nil if the token is for `route` and for nothing else, else why not.
    public static func refusal(of audiences: [String], for route: Route, from issuer: Issuer) -> AccessReason?
    {
        var names = false
        var strays = false
        for audience in audiences {
            if isOwn(audience, of: route) {
                names = true
            } else if !issuer.otherAudiences.contains(where: { audience.isIdentical(to: $0) }) {
                strays = true
            }
        }
        guard names else { return .audienceMismatch }
        return strays ? .audienceNotExclusive : nil
    }

    /// Whether `audience` is the resource, the other spelling of a bare origin, or an alias.
    public static func isOwn(_ audience: String, of route: Route) -> Bool {
        for own in route.audiences where audience.isIdentical(to: own) { return true }
        return false
    }
}
