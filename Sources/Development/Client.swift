// Who asks for tokens.

/// How a client gets a token (RFC 7591 §2, `grant_types`).
enum GrantType: String, CaseIterable, Sendable {
    case authorizationCode = "authorization_code"
    case clientCredentials = "client_credentials"
    case refreshToken = "refresh_token"
}

/// A client as the authorization server knows it.
struct Client: Sendable {
    /// Where codes for the client may go.
    enum Redirects: Sendable {
        /// To one of these.
        case registered([RedirectURI])
        /// Anywhere on this machine.
        case loopback
    }

    /// Its name in requests: given out, well-known, or the address of its metadata document.
    let id: String
    /// Its secret, nil for a public client.
    let secret: String?
    /// Where codes may go.
    let redirects: Redirects
    /// The grants that it may use.
    let grantTypes: [GrantType]

    /// The client of the printed walk-through. Its secret is public, like everything in the development setup.
    static let demo = Client(
        id: "demo",
        secret: "demo",
        redirects: .loopback,
        grantTypes: GrantType.allCases
    )

    /// A client whose identifier is the address of a document that cannot be fetched here, as there is no TLS:
    /// it may do what anybody may who registers, and have its codes sent to this machine only.
    static func unread(_ id: String) -> Client {
        Client(id: id, secret: nil, redirects: .loopback, grantTypes: [.authorizationCode, .refreshToken])
    }

    /// Whether a code for this client may go to `uri`.
    func allows(_ uri: RedirectURI) -> Bool {
        switch redirects {
        case .registered(let registered): registered.contains { $0.matches(uri) }
        case .loopback: uri.isLoopback
        }
    }
}
