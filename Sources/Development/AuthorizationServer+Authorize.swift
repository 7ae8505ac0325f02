// The authorization endpoint (RFC 6749 §4.1.1): consent is automatic, everything else is checked.

internal import Bytes

extension AuthorizationServer {
    /// Bytes of a SHA-256 as base64url: the length of every S256 challenge (RFC 7636 §4.2).
    private static let challengeLength = 43

    /// Answers an authorization request with a redirect to the client, or with an error page where the place
    /// to redirect to is not to be trusted.
    mutating func authorize(
        _ request: ExchangeRequest,
        at now: Int,
        random: inout RandomTokens
    ) -> ExchangeResponse {
        guard let parameters = FormParameters(request.query) else {
            return OAuthError(.invalidRequest, "the query is malformed").response(to: request)
        }
        do throws(OAuthError) {
            let client = try client(try parameters.required("client_id"), at: now)
            let redirectURI = try redirectURI(in: parameters, for: client)
            return redirect(client, to: redirectURI, parameters, at: now, random: &random)
        } catch {
            return error.response(to: request)
        }
    }

    /// Sends a code or an error to `redirectURI`, which is known to be the client's.
    private mutating func redirect(
        _ client: Client,
        to redirectURI: String,
        _ parameters: FormParameters,
        at now: Int,
        random: inout RandomTokens
    ) -> ExchangeResponse {
        var answer: [(name: String, value: String)]
        do throws(OAuthError) {
            let code = try authorizationCode(for: client, redirectURI, parameters)
            let name = random.next()
            codes.insert(code, for: name, until: now + AuthorizationCode.lifetime)
            answer = [("code", name)]
        } catch {
            answer = [("error", error.code.rawValue), ("error_description", error.description)]
        }
        let states = parameters.all("state")
        if states.count == 1 { answer.append(("state", states[0])) }
        answer.append(("iss", issuer))
        let query = answer.map { "\($0.name)=\(FormParameters.encode($0.value))" }.joined(separator: "&")
        let separator = redirectURI.contains("?") ? "&" : "?"
        return ExchangeResponse.empty(302)
            .adding("location", redirectURI + separator + query)
            .adding("cache-control", "no-store")
    }

    private func authorizationCode(
        for client: Client,
        _ redirectURI: String,
        _ parameters: FormParameters
    ) throws(OAuthError) -> AuthorizationCode {
        _ = try parameters.optional("state")
        guard try parameters.required("response_type") == "code" else {
            throw OAuthError(.unsupportedResponseType, "response_type has to be code")
        }
        guard client.grantTypes.contains(.authorizationCode) else {
            throw OAuthError(.unauthorizedClient, "the client did not register for authorization_code")
        }
        let challenge = try parameters.required("code_challenge")
        guard try parameters.optional("code_challenge_method") == "S256" else {
            throw OAuthError(.invalidRequest, "code_challenge_method has to be S256")
        }
        guard challenge.utf8.count == Self.challengeLength, Base64URL.decode(challenge) != nil else {
            throw OAuthError(.invalidRequest, "code_challenge is not the base64url of a SHA-256")
        }
        let resource = try resource(in: parameters)
        let grant = AccessGrant(
            clientID: client.id,
            subject: AccessGrant.developer,
            resource: resource.identifier,
            scopes: try scopes(try parameters.optional("scope"), of: resource)
        )
        return AuthorizationCode(grant: grant, redirectURI: redirectURI, challenge: challenge)
    }

    private func redirectURI(
        in parameters: FormParameters,
        for client: Client
    ) throws(OAuthError) -> String {
        let text = try parameters.required("redirect_uri")
        guard let uri = RedirectURI(text), client.allows(uri) else {
            throw OAuthError(.invalidRequest, "redirect_uri is not one that the client registered")
        }
        return text
    }
}
