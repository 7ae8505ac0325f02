// What a client says about itself (RFC 7591 §2), in a registration or in its metadata document.

internal import JSON

/// The members that matter here; unknown ones are ignored, as the RFC demands.
struct ClientMetadata: Sendable {
    /// Most redirect URIs of one client.
    static let maximumRedirects = 32

    /// `client_id`: present in metadata documents only.
    let clientID: String?
    /// `client_name`.
    let name: String?
    /// `redirect_uris`.
    let redirectURIs: [RedirectURI]
    /// `grant_types`, without those that are not supported here; nobody gets more than was asked for.
    let grantTypes: [GrantType]
    /// `token_endpoint_auth_method`.
    let authenticationMethod: String?

    /// Reads the JSON text `body`.
    init(_ body: [UInt8]) throws(OAuthError) {
        guard let value = try? JSONReader.read(body.span, maximumValues: 1000), let object = value.object
        else {
            throw OAuthError(.invalidClientMetadata, "the metadata is not a JSON object")
        }
        clientID = object["client_id"]?.string
        name = object["client_name"]?.string
        authenticationMethod = object["token_endpoint_auth_method"]?.string
        grantTypes = try Self.grantTypes(object["grant_types"])
        redirectURIs = try Self.redirectURIs(object["redirect_uris"])
        if grantTypes.contains(.authorizationCode), redirectURIs.isEmpty {
            throw OAuthError(.invalidRedirectURI, "redirect_uris is missing")
        }
        if let types = object["response_types"]?.strings, !types.isEmpty, !types.contains("code") {
            throw OAuthError(.invalidClientMetadata, "response_types has to contain code")
        }
    }

    private static func grantTypes(_ value: JSONValue?) throws(OAuthError) -> [GrantType] {
        guard let value else { return [.authorizationCode] }
        let types = value.strings?.compactMap(GrantType.init(rawValue:)) ?? []
        guard !types.isEmpty else {
            throw OAuthError(.invalidClientMetadata, "grant_types has none that is supported")
        }
        return types
    }

    private static func redirectURIs(_ value: JSONValue?) throws(OAuthError) -> [RedirectURI] {
        guard let value else { return [] }
        guard let texts = value.strings, texts.count <= maximumRedirects else {
            throw OAuthError(.invalidRedirectURI, "redirect_uris is not a short array of strings")
        }
        let uris = texts.compactMap(RedirectURI.init)
        guard uris.count == texts.count else {
            throw OAuthError(
                .invalidRedirectURI,
                "a redirect URI is https, http on loopback, or has a private scheme, and has no fragment"
            )
        }
        return uris
    }
}
