// The token endpoint (RFC 6749 §3.2): codes, client credentials and refresh tokens for access tokens.

internal import Bytes
internal import JSON
internal import OpenSSL

extension AuthorizationServer {
    /// Answers a token request.
    mutating func token(
        _ request: ExchangeRequest,
        at now: Int,
        random: inout RandomTokens
    ) -> ExchangeResponse {
        do throws(OAuthError) {
            let parameters = try Self.form(of: request)
            let authentication = try ClientAuthentication(request, parameters)
            let client = try client(authentication.id, at: now)
            guard authentication.proves(client) else {
                throw OAuthError(.invalidClient, "the client's credentials are wrong")
            }
            let name = try parameters.required("grant_type")
            guard let type = GrantType(rawValue: name) else {
                throw OAuthError(.unsupportedGrantType, "this grant_type is not supported")
            }
            guard client.grantTypes.contains(type) else {
                throw OAuthError(.unauthorizedClient, "the client may not use this grant_type")
            }
            switch type {
            case .authorizationCode: return try exchangeCode(parameters, client, at: now, random: &random)
            case .clientCredentials: return try grantDirectly(parameters, client, at: now, random: &random)
            case .refreshToken: return try refresh(parameters, client, at: now, random: &random)
            }
        } catch {
            return error.response(to: request)
        }
    }

    private mutating func exchangeCode(
        _ parameters: FormParameters,
        _ client: Client,
        at now: Int,
        random: inout RandomTokens
    ) throws(OAuthError) -> ExchangeResponse {
        let name = try parameters.required("code")
        let redirectURI = try parameters.required("redirect_uri")
        let verifier = try parameters.required("code_verifier")
        let resource = try resource(in: parameters)
        if spentCodes.value(for: name, at: now) != nil {
            refreshTokens.remove { _, token in token.origin == name }
            throw OAuthError(.invalidGrant, "the code was used before: its tokens cannot be renewed any more")
        }
        guard let code = codes.take(name, at: now) else {
            throw OAuthError(.invalidGrant, "the code is unknown or too old")
        }
        spentCodes.insert((), for: name, until: now + RefreshToken.lifetime)
        guard code.grant.clientID == client.id else {
            throw OAuthError(.invalidGrant, "the code was issued to another client")
        }
        guard code.redirectURI == redirectURI else {
            throw OAuthError(.invalidGrant, "redirect_uri is not the one that the code was sent to")
        }
        guard Self.verifies(verifier, code.challenge) else {
            throw OAuthError(.invalidGrant, "code_verifier does not belong to the code_challenge")
        }
        guard code.grant.resource == resource.identifier else {
            throw OAuthError(.invalidTarget, "resource is not the one that the code was issued for")
        }
        return try issue(code.grant, to: client, origin: name, at: now, random: &random)
    }

    private mutating func grantDirectly(
        _ parameters: FormParameters,
        _ client: Client,
        at now: Int,
        random: inout RandomTokens
    ) throws(OAuthError) -> ExchangeResponse {
        guard client.secret != nil else {
            throw OAuthError(.unauthorizedClient, "client_credentials is for clients with a secret")
        }
        let resource = try resource(in: parameters)
        let grant = AccessGrant(
            clientID: client.id,
            subject: client.id,
            resource: resource.identifier,
            scopes: try scopes(try parameters.optional("scope"), of: resource)
        )
        return try issue(grant, to: client, origin: nil, at: now, random: &random)
    }

    private mutating func refresh(
        _ parameters: FormParameters,
        _ client: Client,
        at now: Int,
        random: inout RandomTokens
    ) throws(OAuthError) -> ExchangeResponse {
        let name = try parameters.required("refresh_token")
        let resource = try resource(in: parameters)
        guard let token = refreshTokens.value(for: name, at: now), token.grant.clientID == client.id else {
            throw OAuthError(.invalidGrant, "the refresh token is unknown, used, too old or another client's")
        }
        guard token.grant.resource == resource.identifier else {
            throw OAuthError(.invalidTarget, "resource is not the one that the refresh token was issued for")
        }
        var grant = token.grant
        // Clients repeat what they asked for, also where the resource has no scopes to give.
        if let requested = try parameters.optional("scope"), !grant.scopes.isEmpty {
            let scopes = requested.split(separator: " ").map(String.init)
            guard scopes.allSatisfy(grant.scopes.contains) else {
                throw OAuthError(.invalidScope, "a refresh cannot add scopes")
            }
            grant = grant.narrowed(to: scopes)
        }
        _ = refreshTokens.take(name, at: now)
        return try issue(grant, to: client, origin: token.origin, at: now, random: &random)
    }

    /// Issues an access token, and a refresh token where a person consented at `origin`.
    private mutating func issue(
        _ grant: AccessGrant,
        to client: Client,
        origin: String?,
        at now: Int,
        random: inout RandomTokens
    ) throws(OAuthError) -> ExchangeResponse {
        let accessToken = try tokens.accessToken(for: grant, at: now, identifier: random.next())
        var renewal: String?
        if let origin, client.grantTypes.contains(.refreshToken) {
            let name = random.next()
            let token = RefreshToken(grant: grant, origin: origin)
            refreshTokens.insert(token, for: name, until: now + RefreshToken.lifetime)
            renewal = name
        }
        return .json(200) { writer in
            writer.object { writer in
                writer.member("access_token", accessToken)
                writer.member("token_type", "Bearer")
                writer.member("expires_in", TokenIssuer.lifetime)
                if !grant.scopes.isEmpty { writer.member("scope", grant.scopes.joined(separator: " ")) }
                if let renewal { writer.member("refresh_token", renewal) }
            }
        }
    }

    /// The parameters of a form that was posted.
    private static func form(of request: ExchangeRequest) throws(OAuthError) -> FormParameters {
        guard request.mediaType == "application/x-www-form-urlencoded" else {
            throw OAuthError(.invalidRequest, "the body has to be application/x-www-form-urlencoded")
        }
        guard let text = String(validating: request.body.span), let form = FormParameters(text) else {
            throw OAuthError(.invalidRequest, "the form is malformed")
        }
        return form
    }

    /// Whether `verifier` is well-formed and hashes to `challenge` (RFC 7636 §4.1, §4.6).
    private static func verifies(_ verifier: String, _ challenge: String) -> Bool {
        guard (43...128).contains(verifier.utf8.count), verifier.utf8.allSatisfy(FormParameters.isUnreserved)
        else { return false }
        let digest = SHA256.digest(of: verifier.octets.span)
        return Base64URL.encode(digest.bytes.span) == challenge
    }
}
