// Sessions of servers before 2026-07-28: whose they are, and at which endpoint (decision D7).

internal import Bytes
internal import HTTP
internal import JOSE
public import MCP

/// The session that a request belongs to.
public struct SessionPlace: Sendable, Equatable {
    /// The server's own id.
    public let id: [UInt8]
    /// The number of the endpoint that holds it among the route's.
    public let endpoint: Int
    /// The address of the endpoint that holds it; nil if any may.
    public let address: EndpointTag?
}

/// What stands under a seal.
public enum SealKind: Sendable {
    /// A session id.
    case session
    /// The place where a 2024-11-05 server takes messages.
    case place
}

/// Finds the session of a request, and makes the ids that clients get.
public enum SessionRule {
    /// The session that `Mcp-Session-Id` names; nil if there is no such field.
    ///
    /// - Throws: Why there is no such session for this principal on this route.
    static func place(
        of request: borrowing RequestHead,
        at route: Route,
        for principal: Principal,
        _ snapshot: Snapshot,
        _ sessions: SessionTable
    ) throws(SessionViolation) -> SessionPlace? {
        guard let range = request.fields.first(.mcpSessionID) else { return nil }
        guard request.fields.count(of: .mcpSessionID) == 1 else { throw .invalid }
        let id = request.bytes.span.extracting(range)
        switch route.sessions {
        case .sealed: return try opened(id, as: .session, at: route, for: principal, snapshot)
        case .plain: return try known(id, at: route, for: principal, sessions)
        }
    }

    /// Opens a sealed id: that of a session, or the place of a 2024-11-05 server.
    private static func opened(
        _ sealed: borrowing Span<UInt8>,
        as kind: SealKind,
        at route: Route,
        for principal: Principal,
        _ snapshot: Snapshot
    ) throws(SessionViolation) -> SessionPlace {
        let binding = SessionBinding(of: principal, at: route, kind)
        let session = try SessionSeal.open(sealed, for: binding, keys: snapshot.sessionKeys)
        return try place(session.place, of: session.id, at: route)
    }

    private static func place(
        _ tag: PlaceTag,
        of id: [UInt8],
        at route: Route
    ) throws(SessionViolation) -> SessionPlace {
        // An endpoint that is not configured any more has taken its sessions with it.
        guard let endpoint = route.upstream.number(of: tag.endpoint) else { throw .foreign }
        return SessionPlace(id: id, endpoint: endpoint, address: tag.address)
    }

    /// Where a message of 2024-11-05 goes, whose address the client was told by the event stream; nil if the request
    /// names no such address.
    static func legacyPlace(
        of request: borrowing RequestHead,
        at route: Route,
        for principal: Principal,
        _ snapshot: Snapshot
    ) throws(SessionViolation) -> SessionPlace? {
        guard route.upstream.usesLegacySSE, !request.target.query.isEmpty else { return nil }
        let query = request.bytes.span.extracting(request.target.query)
        // Only messages have such an address.
        guard request.method == .post, let sealed = EndpointURI.session(inQuery: query) else {
            throw .invalid
        }
        return try opened(sealed.span, as: .place, at: route, for: principal, snapshot)
    }

    private static func known(
        _ id: borrowing Span<UInt8>,
        at route: Route,
        for principal: Principal,
        _ sessions: SessionTable
    ) throws(SessionViolation) -> SessionPlace {
        guard id.count <= SessionSeal.maximumPresentedLength else { throw .tooLong }
        let octets = Array(copying: id)
        guard !octets.isEmpty, octets.allSatisfy({ (0x21...0x7E).contains($0) }) else { throw .invalid }
        let owner = SessionBinding(of: principal, at: route)
        guard let tag = sessions.place(of: octets, route: route, owner: owner) else { throw .foreign }
        return try place(tag, of: octets, at: route)
    }

    /// What a client gets for the id that a server gave.
    ///
    /// - Throws: Why the server's id is none.
    public static func clientID(
        for id: [UInt8],
        from place: PlaceTag,
        at route: Route,
        for principal: Principal,
        _ snapshot: Snapshot,
        _ sessions: SessionTable
    ) throws(SessionViolation) -> [UInt8] {
        let sealed = try seal(id, as: .session, from: place, at: route, for: principal, snapshot)
        guard route.sessions == .plain else { return sealed }
        sessions.enter(id, route: route, owner: SessionBinding(of: principal, at: route), place: place)
        return id
    }

    /// Seals what a server has said for a client.
    ///
    /// - Throws: Why it cannot be sealed: its length or its octets.
    public static func seal(
        _ id: [UInt8],
        as kind: SealKind,
        from place: PlaceTag,
        at route: Route,
        for principal: Principal,
        _ snapshot: Snapshot
    ) throws(SessionViolation) -> [UInt8] {
        try SessionSeal.seal(
            id.span,
            for: SessionBinding(of: principal, at: route, kind),
            at: place,
            keys: snapshot.sessionKeys
        )
    }

    /// Forgets a session that its server has ended.
    public static func forget(_ place: SessionPlace, at route: Route, _ sessions: SessionTable) {
        if route.sessions == .plain { sessions.forget(place.id, route: route) }
    }
}

extension SessionBinding {
    /// Binds to a principal on a route.
    init(of principal: Principal, at route: Route, _ kind: SealKind = .session) {
        let token = principal.token
        self.init(
            // No resource has a blank: what was sealed as the one never opens as the other.
            route: kind == .session ? route.resource.text : route.resource.text + " place",
            issuer: token.issuer,
            subject: token.subject ?? "",
            client: token.clientID
        )
    }
}
