// One route: one server, one audience.

public import JSON
internal import Bytes

/// Place of a route in `Snapshot.routes`.
public struct RouteID: Hashable, Sendable {
    /// The index.
    public let index: Int

    /// Makes the identifier of the route at `index`.
    public init(_ index: Int) {
        self.index = index
    }
}

/// Where requests for a route arrive: the resource's own place, or another that a proxy in front rewrites it to.
public struct RoutePlace: Hashable, Sendable {
    /// Host with its port, in lower case.
    public let authority: String
    /// Path without a trailing slash; empty for the root.
    public let path: String

    /// Makes a place.
    public init(authority: String, path: String) {
        self.authority = authority
        self.path = path
    }
}

/// Everything that is configured for one resource, and the answers that follow from it.
///
/// A class, as every request holds its route: handing it on costs one reference instead of a dozen.
public final class Route: Sendable {
    /// The resource: audience, public address and name of the route.
    public let resource: ResourceURI
    /// Issuers whose tokens are accepted, at least one.
    public let issuers: [IssuerID]
    /// Whether paths below the resource's path belong to the route.
    public let coversSubpaths: Bool
    /// Scopes that every request needs.
    public let scopes: [String]
    /// Further audiences that count as this resource.
    public let audienceAliases: [String]
    /// Every literal value of `aud` that counts as this resource: the resource first, the aliases behind.
    ///
    /// A bare origin counts in both of its spellings: URL libraries add the slash of an empty path by themselves, and
    /// refusing it would be a login loop.
    public let audiences: [String]
    /// Browser origins that may use the route.
    public let origins: Set<String>
    /// Where requests arrive.
    public let place: RoutePlace
    /// The server behind.
    public let upstream: Upstream
    /// Scopes that the parts of the server need besides.
    public let operations: OperationScopes
    /// Whether lists of tools show those only that the token may call.
    public let hidesUnauthorizedTools: Bool
    /// How session ids of 2025 servers are bound to who they belong to.
    public let sessions: SessionMode
    /// Whether event streams end when the token does.
    public let endsStreamsWithToken: Bool
    /// The metadata document (RFC 9728 §3.2), built once.
    public let metadataDocument: [UInt8]

    /// Makes a route out of checked parts.
    ///
    /// - Parameters:
    ///   - resource: The canonical resource.
    ///   - issuers: Places of the accepted issuers.
    ///   - issuerURIs: Their `iss` values, in the same order, for the metadata document.
    ///   - coversSubpaths: Whether paths below belong to the route.
    ///   - scopes: Scopes that every request needs.
    ///   - audienceAliases: Further audiences that count as this resource.
    ///   - origins: Allowed browser origins.
    ///   - place: Where requests arrive, nil for the resource's own place.
    ///   - upstream: The server behind.
    ///   - operations: Scopes that the parts of the server need besides.
    ///   - hidesUnauthorizedTools: Whether lists of tools show those only that the token may call.
    ///   - sessions: How session ids are bound.
    ///   - endsStreamsWithToken: Whether event streams end when the token does.
    ///   - metadata: Further members of the metadata document.
    public init(
        resource: ResourceURI,
        issuers: [IssuerID],
        issuerURIs: [String],
        coversSubpaths: Bool = false,
        scopes: [String] = [],
        audienceAliases: [String] = [],
        origins: Set<String> = [],
        place: RoutePlace? = nil,
        upstream: Upstream,
        operations: OperationScopes = OperationScopes(),
        hidesUnauthorizedTools: Bool = false,
        sessions: SessionMode = .sealed,
        endsStreamsWithToken: Bool = true,
        metadata: [JSONObject.Member] = []
    ) {
        self.resource = resource
        self.issuers = issuers
        self.coversSubpaths = coversSubpaths
        self.scopes = scopes
        self.audienceAliases = audienceAliases
        audiences = [resource.text] + (resource.path.isEmpty ? [resource.text + "/"] : []) + audienceAliases
        self.origins = origins
        self.place = place ?? RoutePlace(authority: resource.authority, path: resource.path)
        self.upstream = upstream
        self.operations = operations
        self.hidesUnauthorizedTools = hidesUnauthorizedTools
        self.sessions = sessions
        self.endsStreamsWithToken = endsStreamsWithToken
        metadataDocument = Self.metadataDocument(resource, issuerURIs, scopes, metadata)
    }

    /// Writes the document; a member without values is left out, as RFC 9728 §3.2 asks.
    private static func metadataDocument(
        _ resource: ResourceURI,
        _ issuerURIs: [String],
        _ scopes: [String],
        _ metadata: [JSONObject.Member]
    ) -> [UInt8] {
        var writer = JSONWriter()
        writer.object { writer in
            writer.member("resource", resource.text)
            writer.member("authorization_servers", issuerURIs)
            if !scopes.isEmpty { writer.member("scopes_supported", scopes) }
            writer.member("bearer_methods_supported", ["header"])
            for member in metadata { writer.member(member.name, member.value) }
        }
        let document = writer.finish()
        return Array(copying: document.span)
    }
}
