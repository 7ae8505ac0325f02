// What somebody was granted, and for which resource.

/// The content of codes, refresh tokens and access tokens.
struct AccessGrant: Sendable {
    /// The client that the grant was given to.
    let clientID: String
    /// Who granted: the client itself, or the one developer who sits here.
    let subject: String
    /// The resource that the tokens are for, and no other.
    let resource: String
    /// What they allow there.
    let scopes: [String]

    /// The subject of tokens that a person consented to.
    static let developer = "developer"

    /// The grant with fewer scopes.
    func narrowed(to scopes: [String]) -> AccessGrant {
        AccessGrant(clientID: clientID, subject: subject, resource: resource, scopes: scopes)
    }
}

/// An authorization code on its way (RFC 6749 §4.1).
struct AuthorizationCode: Sendable {
    /// Seconds that a code can be used.
    static let lifetime = 60

    /// What it will be exchanged for.
    let grant: AccessGrant
    /// Where it was sent.
    let redirectURI: String
    /// SHA-256 of the verifier that the client holds, as base64url (RFC 7636).
    let challenge: String
}

/// A refresh token, which works once (RFC 6749 §6).
struct RefreshToken: Sendable {
    /// Seconds that an unused refresh token lasts.
    static let lifetime = 24 * 60 * 60

    /// What it renews.
    let grant: AccessGrant
    /// The code at which the chain of tokens began: the whole chain ends when that code comes again.
    let origin: String
}
