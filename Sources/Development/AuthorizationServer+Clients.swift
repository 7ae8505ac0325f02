// Where clients come from: registration (RFC 7591) and metadata documents named by their own address.

internal import JSON

extension AuthorizationServer {
    /// Longest client identifier in bytes.
    private static let maximumIdentifierLength = 2048

    /// The client called `id`.
    ///
    /// - Throws: `invalid_client` if there is none.
    func client(_ id: String, at now: Int) throws(OAuthError) -> Client {
        if id == Client.demo.id { return .demo }
        if let client = clients.value(for: id, at: now) { return client }
        if let client = documents.value(for: id, at: now) { return client }
        if id.hasPrefix("https://"), id.utf8.count <= Self.maximumIdentifierLength { return .unread(id) }
        throw OAuthError(.invalidClient, "the client is unknown: register it, or use the client demo")
    }

    /// The document to fetch before `request` can be answered, nil if none is needed.
    func documentNeeded(for request: ExchangeRequest, at now: Int) -> ClientDocumentAddress? {
        let text: String
        switch (request.path, request.method) {
        case (prefix + "/authorize", "GET"): text = request.query
        case (prefix + "/token", "POST"): text = String(decoding: request.body, as: UTF8.self)
        default: return nil
        }
        guard let id = FormParameters(text)?.all("client_id").first, documents.value(for: id, at: now) == nil
        else { return nil }
        return ClientDocumentAddress(id)
    }

    /// Takes in the document that was fetched from `address`.
    ///
    /// - Throws: `invalid_client` if it does not describe the client of that address.
    mutating func admit(
        _ document: [UInt8],
        from address: ClientDocumentAddress,
        at now: Int
    ) throws(OAuthError) {
        let metadata: ClientMetadata
        do throws(OAuthError) {
            metadata = try ClientMetadata(document)
        } catch {
            throw OAuthError(.invalidClient, "the client metadata document is unusable: \(error.description)")
        }
        guard metadata.clientID == address.text else {
            throw OAuthError(.invalidClient, "the client metadata document has another client_id")
        }
        guard metadata.authenticationMethod == nil || metadata.authenticationMethod == "none" else {
            throw OAuthError(.invalidClient, "a client with a metadata document has no secret")
        }
        let client = Client(
            id: address.text,
            secret: nil,
            redirects: .registered(metadata.redirectURIs),
            grantTypes: metadata.grantTypes
        )
        documents.insert(client, for: address.text, until: now + Self.documentLifetime)
    }

    /// Answers a registration request (RFC 7591 §3).
    mutating func register(
        _ request: ExchangeRequest,
        at now: Int,
        random: inout RandomTokens
    ) -> ExchangeResponse {
        do throws(OAuthError) {
            guard request.mediaType == "application/json" else {
                throw OAuthError(.invalidClientMetadata, "the body has to be application/json")
            }
            let metadata = try ClientMetadata(request.body)
            let method = metadata.authenticationMethod ?? "client_secret_basic"
            guard ClientAuthentication.methods.contains(method) else {
                throw OAuthError(.invalidClientMetadata, "token_endpoint_auth_method is not supported")
            }
            let client = Client(
                id: random.next(),
                secret: method == "none" ? nil : random.next(),
                redirects: .registered(metadata.redirectURIs),
                grantTypes: metadata.grantTypes
            )
            clients.insert(client, for: client.id, until: .max)
            return Self.registered(client, metadata, method, at: now)
        } catch {
            return error.response(to: request)
        }
    }

    private static func registered(
        _ client: Client,
        _ metadata: ClientMetadata,
        _ method: String,
        at now: Int
    ) -> ExchangeResponse {
        .json(201) { writer in
            writer.object { writer in
                writer.member("client_id", client.id)
                writer.member("client_id_issued_at", now)
                if let secret = client.secret {
                    writer.member("client_secret", secret)
                    writer.member("client_secret_expires_at", 0)
                }
                if let name = metadata.name { writer.member("client_name", name) }
                writer.member("redirect_uris", metadata.redirectURIs.map(\.text))
                writer.member("grant_types", client.grantTypes.map(\.rawValue))
                writer.member("response_types", ["code"])
                writer.member("token_endpoint_auth_method", method)
            }
        }
    }
}
