// An upstream as it is written.

internal import HTTP
internal import JSON
internal import Policy

/// Members of an upstream that is more than a URL.
enum UpstreamMember: String, MemberName {
    case endpoints, credentials
    case connectTimeout = "connect_timeout"
    case responseTimeout = "response_timeout"

    static let object = "an upstream"
}

/// An upstream as it is written.
struct UpstreamObject {
    let endpoints: [Located<Endpoint>]
    private let credentials: UpstreamCredentials
    private let connectTimeout: Int
    private let responseTimeout: Int

    /// Milliseconds for connecting unless something else is said.
    static let defaultConnectTimeout = 5000
    /// Milliseconds until the head of the response unless something else is said: a tool may think long.
    static let defaultResponseTimeout = 300_000

    /// Reads a URL or an object; nil if it is neither.
    init?(_ node: Node) {
        guard node.value.string == nil else {
            self.init(endpoints: [node])
            return
        }
        guard node.value.object != nil else {
            node.expected("an http URL, or an object with \"endpoints\"")
            return nil
        }
        guard let members = ObjectReader(node, of: UpstreamMember.self) else { return nil }
        let endpoints = members.required(.endpoints)?.nonEmptyElements(
            "a list of http URLs",
            because: "Name at least one endpoint."
        )
        self.init(
            endpoints: endpoints ?? [],
            credentials: members[.credentials].flatMap(Self.credentials),
            connectTimeout: members[.connectTimeout]?.quantity(.duration, in: 10...60_000),
            responseTimeout: members[.responseTimeout]?.quantity(.duration, in: 10...86_400_000)
        )
    }

    private init(
        endpoints: [Node],
        credentials: UpstreamCredentials? = nil,
        connectTimeout: Int? = nil,
        responseTimeout: Int? = nil
    ) {
        self.endpoints = Node.distinct(endpoints).compactMap { text in
            Self.endpoint(text.node).map { Located(value: $0, node: text.node) }
        }
        self.credentials = credentials ?? .forward
        self.connectTimeout = connectTimeout ?? Self.defaultConnectTimeout
        self.responseTimeout = responseTimeout ?? Self.defaultResponseTimeout
    }

    /// The upstream, nil if something of it was reported.
    var upstream: Upstream? {
        guard !endpoints.isEmpty else { return nil }
        return Upstream(
            endpoints: endpoints.map(\.value),
            credentials: credentials,
            connectTimeout: connectTimeout,
            responseTimeout: responseTimeout
        )
    }

    private static func credentials(_ node: Node) -> UpstreamCredentials? {
        NotYetSupported.refuses(credentials: node) ? nil : node.choice(UpstreamCredentials.self)
    }

    private static func endpoint(_ node: Node) -> Endpoint? {
        guard let url = node.url("an http URL without query, such as \"http://10.0.0.5:3001/mcp\"") else {
            return nil
        }
        guard !url.isSecure else {
            NotYetSupported.refuse(upstream: node)
            return nil
        }
        return Endpoint(host: url.host, port: url.port, authority: url.authority, path: url.path)
    }

    /// Reports endpoints whose path cannot be followed by a subpath.
    func checkSubpaths() {
        for endpoint in endpoints where endpoint.value.path != "/" && endpoint.value.path.hasSuffix("/") {
            endpoint.node.error(
                "Subpaths would follow two slashes at this endpoint.",
                "Remove the slash at the end of its path."
            )
        }
    }
}
