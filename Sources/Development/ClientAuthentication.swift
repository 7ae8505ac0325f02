// How a client proves at the token endpoint who it is (RFC 6749 §2.3).

internal import Bytes

/// The credentials of a token request.
struct ClientAuthentication {
    /// Ways to send them, as RFC 8414 and RFC 7591 name them.
    static let methods = ["none", "client_secret_basic", "client_secret_post"]

    /// The client's identifier.
    let id: String
    /// The secret, nil if none was sent.
    let secret: String?

    /// Reads the credentials of `request`, whose form is `parameters`.
    ///
    /// - Throws: `invalid_client` if there are none; `invalid_request` if there are two, or broken ones.
    init(_ request: ExchangeRequest, _ parameters: FormParameters) throws(OAuthError) {
        let identifier = try parameters.optional("client_id")
        let secret = try parameters.optional("client_secret")
        let fields = request.values(of: "authorization")
        guard let field = fields.first else {
            guard let identifier else { throw OAuthError(.invalidClient, "the request names no client") }
            self.id = identifier
            self.secret = secret
            return
        }
        guard fields.count == 1, secret == nil, let basic = Self.basic(field) else {
            throw OAuthError(.invalidRequest, "credentials are repeated or malformed")
        }
        guard identifier == nil || identifier == basic.id else {
            throw OAuthError(.invalidRequest, "the request names two clients")
        }
        self.id = basic.id
        self.secret = basic.secret
    }

    /// Whether the credentials are those of `client`.
    func proves(_ client: Client) -> Bool {
        client.id == id && client.secret == secret
    }

    private static func basic(_ field: String) -> (id: String, secret: String)? {
        let parts = field.split(separator: " ", maxSplits: 1)
        guard parts.count == 2, parts[0].lowercased() == "basic", let bytes = Base64.decode(parts[1]),
            let text = String(validating: bytes.span)
        else { return nil }
        let halves = text.split(separator: ":", maxSplits: 1, omittingEmptySubsequences: false)
        guard halves.count == 2, let id = FormParameters.decode(halves[0]),
            let secret = FormParameters.decode(halves[1]), !id.isEmpty
        else { return nil }
        return (id, secret)
    }
}
