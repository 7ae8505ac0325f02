// A route as it is written.

internal import HTTP
internal import Bytes
internal import JSON
internal import Policy

/// Members of a route.
enum RouteMember: String, MemberName {
    case resource, issuer, subpaths, scopes
    case audienceAliases = "audience_aliases"
    case origins, match, metadata, upstream, tools, methods
    case hidesUnauthorizedTools = "hide_unauthorized_tools"
    case sessions
    case endsStreamsWithToken = "end_streams_with_token"

    static let object = "a route"
}

/// Members of the place that a proxy in front rewrites requests to.
enum MatchMember: String, MemberName {
    case host, path

    static let object = "a matching place"
}

/// A route as it is written, before the whole set is known.
struct RouteObject {
    let node: Node
    let resource: Located<ResourceURI>?
    let issuers: [Located<String>]
    let aliases: [Located<String>]
    /// Where requests arrive, nil if that is not known because of a problem.
    let place: Located<RoutePlace>?
    private let coversSubpaths: Bool
    private let scopes: [Located<String>]
    private let origins: [Located<String>]
    private let metadata: [JSONObject.Member]
    let upstream: UpstreamObject?
    private let operations: OperationScopes
    private let hidesUnauthorizedTools: Bool
    /// How session ids are bound.
    let sessions: SessionMode
    private let endsStreamsWithToken: Bool

    /// Reads a route; nil if it is no object.
    init?(_ node: Node, _ material: TLSMaterial) {
        guard let members = ObjectReader(node, of: RouteMember.self) else { return nil }
        self.node = node
        resource = members.required(.resource).flatMap { node in
            node.resource().map { Located(value: $0, node: node) }
        }
        issuers = members.required(.issuer).map(Self.issuers) ?? []
        coversSubpaths = members[.subpaths]?.bool() ?? false
        scopes = members[.scopes]?.scopes() ?? []
        aliases = members[.audienceAliases]?.audiences() ?? []
        origins = members[.origins].map(Self.origins) ?? []
        metadata = members[.metadata].map(Self.metadata) ?? []
        upstream = members.required(.upstream).flatMap { UpstreamObject($0, material) }
        operations = OperationScopes(tools: members[.tools], methods: members[.methods])
        hidesUnauthorizedTools = members[.hidesUnauthorizedTools]?.bool() ?? false
        sessions = members[.sessions].flatMap { $0.choice(SessionMode.self) } ?? .sealed
        endsStreamsWithToken = members[.endsStreamsWithToken]?.bool() ?? true
        if coversSubpaths { upstream?.checkSubpaths() }
        if sessions == .plain, let node = members[.sessions] {
            Self.checkPlainSessions(node, legacySSE: upstream?.legacySSE)
        }
        if hidesUnauthorizedTools, let node = members[.hidesUnauthorizedTools] {
            Self.checkHiding(node, members[.tools], members[.methods])
        }
        if let match = members[.match] {
            place = resource.flatMap { Self.place(match, of: $0.value) }
        } else {
            place = resource.map {
                Located(value: RoutePlace(authority: $0.value.authority, path: $0.value.path), node: $0.node)
            }
        }
    }

    /// The route, nil if something of it was reported or an issuer is not among `ids`.
    func route(issuers ids: [String: IssuerID], uris: [String: String]) -> Route? {
        guard let resource, let place, let upstream = upstream?.upstream, !issuers.isEmpty else { return nil }
        let issuerIDs = issuers.compactMap { ids[$0.value] }
        guard issuerIDs.count == issuers.count else { return nil }
        return Route(
            resource: resource.value,
            issuers: issuerIDs,
            issuerURIs: issuers.compactMap { uris[$0.value] },
            coversSubpaths: coversSubpaths,
            scopes: scopes.map(\.value),
            audienceAliases: aliases.map(\.value),
            origins: Set(origins.map(\.value)),
            place: place.value,
            upstream: upstream,
            operations: operations,
            hidesUnauthorizedTools: hidesUnauthorizedTools,
            sessions: sessions,
            endsStreamsWithToken: endsStreamsWithToken,
            metadata: metadata
        )
    }

    private static func issuers(_ node: Node) -> [Located<String>] {
        if let name = node.value.string { return [Located(value: name, node: node)] }
        let names = node.nonEmptyElements(
            "the name of an issuer, or a list of names",
            because: "Name an issuer: there are no open routes."
        )
        return Node.distinct(names ?? [])
    }

    private static func checkPlainSessions(_ node: Node, legacySSE: Node?) {
        if let legacySSE {
            node.error(
                "The server at \(legacySSE.line) is one of 2024-11-05: its session ids stand in URLs, where logs keep them.",
                "Write \"sealed\": an id out of a log is of no use then."
            )
        } else {
            node.warning(
                "Plain session ids are bound in the memory of one process: lost at its end, and unknown to replicas.",
                "Use \"sealed\" with \"session_keys\", unless clients must see the server's own ids."
            )
        }
    }

    /// Tools differ by the scopes of `tools`; those of "tools/call" hide all of them or none.
    private static func checkHiding(_ node: Node, _ tools: Node?, _ methods: Node?) {
        let hasToolScopes = tools.map { $0.value.object?.members.isEmpty == false } ?? false
        guard !hasToolScopes, methods?.value.object?["tools/call"] == nil else { return }
        node.warningAtName(
            "No scopes stand in \"tools\" or for the method \"tools/call\": every token may call every tool, so nothing is hidden.",
            "Name the scopes of tools, or remove it."
        )
    }

    private static func origins(_ node: Node) -> [Located<String>] {
        (node.distinctStrings("a list of origins") ?? []).filter { origin in
            guard origin.value != "*", origin.value != "null" else {
                origin.node.error(
                    "\"\(origin.value)\" would let every page use the route.",
                    "Name each origin in full, such as \"https://app.example.com\"."
                )
                return false
            }
            guard TextRules.isOrigin(origin.value) else {
                origin.node.error(
                    "\"\(origin.value)\" is not an origin as browsers send it.",
                    "Write scheme, host and port in lower case, without default port, path and slash at the end."
                )
                return false
            }
            return true
        }
    }

    /// Members of the metadata document that follow from the route itself, or could speak against it.
    private static let ownMetadata: Set<String> = [
        "resource", "authorization_servers", "scopes_supported", "bearer_methods_supported",
        "signed_metadata",
    ]

    private static func metadata(_ node: Node) -> [JSONObject.Member] {
        guard let object = node.value.object else {
            node.expected("an object with further members of the metadata document")
            return []
        }
        for member in object.members {
            let child = node.child(member)
            if ownMetadata.contains(member.name) {
                child.errorAtName(
                    "\"\(member.name)\" follows from the route.",
                    "Remove it from the metadata."
                )
            } else if isEmpty(member.value) {
                child.error("A metadata member without a value may not appear (RFC 9728 §3.2).", "Remove it.")
            }
        }
        return object.members
    }

    private static func isEmpty(_ value: JSONValue) -> Bool {
        switch value.content {
        case .null: true
        case .string(let string): string.isEmpty
        case .array(let elements): elements.isEmpty
        default: false
        }
    }

    /// Reads `match`; what it leaves out is as in the resource.
    private static func place(_ node: Node, of resource: ResourceURI) -> Located<RoutePlace>? {
        guard let members = ObjectReader(node, of: MatchMember.self) else { return nil }
        guard members[.host] != nil || members[.path] != nil else {
            node.error("The matching place is empty.", "Give \"host\", \"path\" or both, or remove it.")
            return nil
        }
        let host = members[.host].map { matchingHost($0, of: resource) } ?? resource.authority
        let path = members[.path].map { $0.path().map { $0 == "/" ? "" : $0 } } ?? resource.path
        guard let host, let path else { return nil }
        return Located(value: RoutePlace(authority: host, path: path), node: node)
    }

    private static func matchingHost(_ node: Node, of resource: ResourceURI) -> String? {
        guard let host = node.string("a host with an optional port") else { return nil }
        guard Authority.isValid(host.octets.span), host == host.lowercased() else {
            node.error("\"\(host)\" is not a host.", "Write a host in lower case with an optional port.")
            return nil
        }
        guard !TextRules.hasPort(resource.scheme == "https" ? "443" : "80", host) else {
            node.error("\"\(host)\" has the default port.", "Leave the port out; both spellings match.")
            return nil
        }
        return host
    }
}

extension Node {
    /// A canonical resource URI.
    fileprivate func resource() -> ResourceURI? {
        guard let text = string("the URI of the resource") else { return nil }
        guard !text.utf8.contains(UInt8(ascii: "*")) else {
            error("The resource holds a wildcard.", "Write it in full: one route is one resource.")
            return nil
        }
        do throws(ResourceURIError) {
            return try ResourceURI(text)
        } catch {
            let (problem, remedy) = Self.sentences(for: error)
            self.error("\"\(text)\" \(problem)", remedy)
            return nil
        }
    }

    private static func sentences(for error: ResourceURIError) -> (problem: String, remedy: String) {
        switch error {
        case .notAbsolute:
            ("is not an absolute https URI.", "Write one such as \"https://mcp.example.com/files\".")
        case .hasFragment: ("has a fragment.", "Remove it: RFC 8707 forbids fragments.")
        case .hasQuery: ("has a query.", "Remove it: routes differ by host and path.")
        case .hasUserInfo: ("has a user name or password.", "Remove it.")
        case .invalidPath:
            (
                "has a path that could be read in two ways.",
                "Use no dot segments, \"//\", \";\" or needless escapes."
            )
        case .invalidAuthority: ("has a malformed host or port.", "Write a host with an optional port.")
        case .insecure: ("is an http resource off loopback.", "Use https: tokens could be read on the way.")
        case .notCanonical(let canonical): ("is not canonical.", "Write \"\(canonical)\".")
        }
    }
}
