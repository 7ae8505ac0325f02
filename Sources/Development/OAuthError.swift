// What the authorization server refuses, in the words of the OAuth registries.

internal import JSON

/// A refusal of the authorization server.
struct OAuthError: Error, Equatable {
    /// Error codes of RFC 6749 §4.1.2.1 and §5.2, RFC 7591 §3.2.2 and RFC 8707 §2.
    enum Code: String {
        case invalidRequest = "invalid_request"
        case invalidClient = "invalid_client"
        case invalidGrant = "invalid_grant"
        case invalidScope = "invalid_scope"
        case invalidTarget = "invalid_target"
        case unauthorizedClient = "unauthorized_client"
        case unsupportedGrantType = "unsupported_grant_type"
        case unsupportedResponseType = "unsupported_response_type"
        case invalidRedirectURI = "invalid_redirect_uri"
        case invalidClientMetadata = "invalid_client_metadata"
        case serverError = "server_error"
    }

    /// The code.
    let code: Code
    /// One short phrase for people, without quotes and backslashes.
    let description: String

    init(_ code: Code, _ description: String) {
        self.code = code
        self.description = description
    }

    /// The response to `request`, where it may not be a redirect.
    ///
    /// Clients that post are told to authenticate (RFC 6749 §5.2); a browser, which gets, would show a
    /// password dialog on that.
    func response(to request: ExchangeRequest) -> ExchangeResponse {
        let isChallenge = code == .invalidClient && request.method == "POST"
        let response = ExchangeResponse.json(isChallenge ? 401 : code == .serverError ? 500 : 400) { writer in
            writer.object { writer in
                writer.member("error", code.rawValue)
                writer.member("error_description", description)
            }
        }
        return isChallenge
            ? response.adding("www-authenticate", "Basic realm=\"audgate development\"") : response
    }
}
