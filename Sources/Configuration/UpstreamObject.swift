// An upstream as it is written.

internal import HTTP
internal import JSON
internal import Policy

/// Members of an upstream that is more than a URL.
enum UpstreamMember: String, MemberName {
    case endpoints, credentials, http2, tls, health, ejection, limits
    case legacySSE = "legacy_sse"
    case connectTimeout = "connect_timeout"
    case responseTimeout = "response_timeout"
    case slowStart = "slow_start"

    static let object = "an upstream"
}

/// An upstream as it is written.
struct UpstreamObject {
    let endpoints: [Located<Endpoint>]
    private let credentials: UpstreamCredentials
    private let connectTimeout: Int
    private let responseTimeout: Int
    private let responseTimeoutNode: Node?
    private let speaksHTTP2: Bool
    /// Where it is said that the server speaks HTTP with SSE as of 2024-11-05; nil if it does not.
    let legacySSE: Node?
    private let tls: UpstreamTLS?
    private let rules: EndpointRules
    /// Whether nothing but an endpoint was reported.
    private let isWhole: Bool

    /// Milliseconds for connecting unless something else is said.
    static let defaultConnectTimeout = 5000
    /// Milliseconds until the head of the response unless something else is said: a tool may think long.
    static let defaultResponseTimeout = 300_000

    /// Reads a URL or an object; nil if it is neither.
    init?(_ node: Node, _ material: TLSMaterial) {
        guard node.value.string == nil else {
            self.init(endpoints: [node], nil, material)
            return
        }
        guard node.value.object != nil else {
            node.expected("an http or https URL, or an object with \"endpoints\"")
            return nil
        }
        guard let members = ObjectReader(node, of: UpstreamMember.self) else { return nil }
        let endpoints = members.required(.endpoints)?.nonEmptyElements(
            "a list of http or https URLs",
            because: "Name at least one endpoint."
        )
        self.init(endpoints: endpoints ?? [], members, material)
    }

    private init(endpoints: [Node], _ members: ObjectReader<UpstreamMember>?, _ material: TLSMaterial) {
        let located = Node.distinct(endpoints).compactMap { text in
            Self.endpoint(text.node).map { Located(value: $0, node: text.node) }
        }
        self.endpoints = located
        credentials = members?[.credentials].flatMap(Self.credentials) ?? .forward
        connectTimeout =
            members?[.connectTimeout]?.quantity(.duration, in: 10...60_000) ?? Self.defaultConnectTimeout
        responseTimeout =
            members?[.responseTimeout]?.quantity(.duration, in: 10...86_400_000)
            ?? Self.defaultResponseTimeout
        rules = EndpointRules(members)
        responseTimeoutNode = members?[.responseTimeout]
        let speaksHTTP2 = members?[.http2]?.bool() ?? false
        self.speaksHTTP2 = speaksHTTP2
        legacySSE = members?[.legacySSE].flatMap { $0.bool() == true ? $0 : nil }
        let isMixed = Self.refusesMixture(located)
        let secure = located.first { $0.value.isSecure }
        if let node = members?[.tls], secure == nil, located.count == endpoints.count {
            node.errorAtName(
                "There is nothing to secure: no endpoint is https.",
                "Write https URLs, or remove \"tls\"."
            )
        }
        let object =
            if let node = members?[.tls] {
                ClientTLSObject(
                    node,
                    isOnLoopback: located.allSatisfy { ResourceURI.isLoopback(host: $0.value.host) },
                    offersHTTP2: speaksHTTP2,
                    material
                )
            } else {
                secure.flatMap {
                    ClientTLSObject(defaultsFor: $0.node, offersHTTP2: speaksHTTP2, material)
                }
            }
        tls = object.map { UpstreamTLS(context: $0.context, serverName: $0.serverName) }
        isWhole = !isMixed && (secure == nil) == (object == nil)
    }

    /// The upstream, nil if something of it was reported.
    var upstream: Upstream? {
        guard !endpoints.isEmpty, isWhole else { return nil }
        return Upstream(
            endpoints: endpoints.map(\.value),
            credentials: credentials,
            connectTimeout: connectTimeout,
            responseTimeout: responseTimeout,
            usesLegacySSE: legacySSE != nil,
            speaksHTTP2: speaksHTTP2,
            tls: tls,
            rules: rules
        )
    }

    /// Warns of a patience that no request has.
    func checkResponseTimeout(requestTimeout: Int) {
        guard responseTimeout > requestTimeout, let node = responseTimeoutNode else { return }
        let limit = Quantity.duration.text(requestTimeout)
        node.warning(
            "\"limits.request_timeout\" ends every request after \(limit), before this.",
            "Raise \"limits.request_timeout\", or lower this."
        )
    }

    /// Reports endpoints of both kinds, and tells whether there were.
    private static func refusesMixture(_ endpoints: [Located<Endpoint>]) -> Bool {
        guard let first = endpoints.first,
            let other = endpoints.first(where: { $0.value.isSecure != first.value.isSecure })
        else { return false }
        other.node.error(
            "Some endpoints of this upstream are https and some are http: which of them a token goes to is chance.",
            "Use https for all of them, or http for all."
        )
        return true
    }

    private static func credentials(_ node: Node) -> UpstreamCredentials? {
        NotYetSupported.refuses(credentials: node) ? nil : node.choice(UpstreamCredentials.self)
    }

    private static func endpoint(_ node: Node) -> Endpoint? {
        let what = "an http or https URL without query, such as \"https://files.internal:8443/mcp\""
        guard let url = node.url(what) else { return nil }
        return Endpoint(
            host: url.host,
            port: url.port,
            authority: url.authority,
            path: url.path,
            isSecure: url.isSecure
        )
    }

    /// Reports what subpaths cannot stand beside.
    func checkSubpaths() {
        legacySSE?.errorAtName(
            "Subpaths do not go with a server of 2024-11-05, which names itself where messages are posted to.",
            "Remove \"legacy_sse\" here or \"subpaths\" from the route."
        )
        for endpoint in endpoints where endpoint.value.path != "/" && endpoint.value.path.hasSuffix("/") {
            endpoint.node.error(
                "Subpaths would follow two slashes at this endpoint.",
                "Remove the slash at the end of its path."
            )
        }
    }
}
