// The embedded authorization server: OAuth 2.1 as MCP clients use it, without sockets and clock.

internal import JSON

/// Issues tokens for the configured resources to anybody on this machine who asks properly.
///
/// Consent is automatic and clients register themselves, as there is one developer and nobody else.
/// What is not relaxed: a token is for exactly one resource, which both steps have to name (RFC 8707),
/// codes are bound to a verifier (RFC 7636), work once and for a minute.
struct AuthorizationServer: Sendable {
    /// Most clients, codes and refresh tokens remembered at a time, each.
    static let storeCapacity = 1000

    /// Seconds that a client's metadata document counts before it is fetched again.
    static let documentLifetime = 300

    let issuer: String
    let resources: [DevelopmentConfiguration.Resource]
    let tokens: TokenIssuer
    var clients = BoundedStore<Client>(capacity: storeCapacity)
    var documents = BoundedStore<Client>(capacity: storeCapacity)
    var codes = BoundedStore<AuthorizationCode>(capacity: storeCapacity)
    var spentCodes = BoundedStore<Void>(capacity: storeCapacity)
    var refreshTokens = BoundedStore<RefreshToken>(capacity: storeCapacity)

    private let metadataPath: String
    /// The issuer's path, before that of each endpoint.
    let prefix: String

    /// Makes a server.
    ///
    /// - Parameters:
    ///   - issuer: Its identifier, without a slash at the end; endpoints lie below it.
    ///   - resources: What it issues tokens for.
    ///   - tokens: What signs for it.
    init(issuer: String, resources: [DevelopmentConfiguration.Resource], tokens: TokenIssuer) {
        self.issuer = issuer
        self.resources = resources
        self.tokens = tokens
        let authority = issuer.drop { $0 != "/" }.dropFirst(2)
        prefix = String(authority.drop { $0 != "/" })
        metadataPath = "/.well-known/oauth-authorization-server" + prefix
    }

    /// Answers `request`.
    ///
    /// - Parameters:
    ///   - request: What was asked.
    ///   - now: Seconds since 1970.
    ///   - random: Fresh random bytes for this request alone.
    mutating func respond(
        to request: ExchangeRequest,
        at now: Int,
        random: inout RandomTokens
    ) -> ExchangeResponse {
        switch (request.path, request.method) {
        case (metadataPath, "GET"): return metadata
        case (prefix + "/jwks", "GET"): return tokens.keySet
        case (prefix + "/authorize", "GET"): return authorize(request, at: now, random: &random)
        case (prefix + "/token", "POST"): return token(request, at: now, random: &random)
        case (prefix + "/register", "POST"): return register(request, at: now, random: &random)
        case (metadataPath, _), (prefix + "/jwks", _), (prefix + "/authorize", _):
            return .methodNotAllowed("GET")
        case (prefix + "/token", _), (prefix + "/register", _): return .methodNotAllowed("POST")
        default: return .empty(404)
        }
    }

    /// All scopes of all resources, each once.
    var scopes: [String] {
        var scopes: [String] = []
        for scope in resources.flatMap(\.scopes) where !scopes.contains(scope) { scopes.append(scope) }
        return scopes
    }

    /// The one resource that `parameters` name (RFC 8707 §2).
    ///
    /// - Throws: `invalid_target` if they name none, several, or one that is not served here.
    func resource(in parameters: FormParameters) throws(OAuthError) -> DevelopmentConfiguration.Resource {
        let named = parameters.all("resource")
        guard let identifier = named.first else {
            throw OAuthError(.invalidTarget, "resource is missing: name the MCP server that the token is for")
        }
        guard named.count == 1 else {
            throw OAuthError(.invalidTarget, "resource appears twice: a token is for one server")
        }
        guard let resource = resources.first(where: { $0.identifier == identifier }) else {
            throw OAuthError(.invalidTarget, "resource is not one that this server issues tokens for")
        }
        return resource
    }

    /// What is granted of `requested` at `resource`; the resource's default if nothing is requested.
    ///
    /// - Throws: `invalid_scope` if the resource has scopes, but none of those.
    func scopes(
        _ requested: String?,
        of resource: DevelopmentConfiguration.Resource
    ) throws(OAuthError) -> [String] {
        guard let requested else { return resource.defaultScopes }
        let names = requested.split(separator: " ").map(String.init)
        let granted = resource.scopes.filter(names.contains)
        guard !granted.isEmpty || resource.scopes.isEmpty else {
            throw OAuthError(.invalidScope, "the resource has none of the requested scopes")
        }
        return granted
    }

    /// RFC 8414 metadata.
    private var metadata: ExchangeResponse {
        .json(200) { writer in
            writer.object { writer in
                writer.member("issuer", issuer)
                writer.member("authorization_endpoint", issuer + "/authorize")
                writer.member("token_endpoint", issuer + "/token")
                writer.member("registration_endpoint", issuer + "/register")
                writer.member("jwks_uri", issuer + "/jwks")
                if !scopes.isEmpty { writer.member("scopes_supported", scopes) }
                writer.member("response_types_supported", ["code"])
                writer.member("response_modes_supported", ["query"])
                writer.member("grant_types_supported", GrantType.allCases.map(\.rawValue))
                writer.member("token_endpoint_auth_methods_supported", ClientAuthentication.methods)
                writer.member("code_challenge_methods_supported", ["S256"])
                writer.name("client_id_metadata_document_supported")
                writer.bool(true)
                writer.name("authorization_response_iss_parameter_supported")
                writer.bool(true)
            }
        }
    }
}
