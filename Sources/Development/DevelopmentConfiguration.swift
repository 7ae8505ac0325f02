// What the development setup consists of.

/// An embedded authorization server and sample MCP servers, all on loopback.
public struct DevelopmentConfiguration: Sendable {
    /// Something that tokens can be issued for.
    public struct Resource: Sendable {
        /// The resource's URI: what clients ask for and what tokens carry as `aud`.
        public var identifier: String
        /// All scopes that can be granted there.
        public var scopes: [String]
        /// The scopes granted to those who ask for none.
        public var defaultScopes: [String]

        /// Makes a resource; without `defaultScopes` all scopes are granted to those who ask for none.
        public init(identifier: String, scopes: [String] = [], defaultScopes: [String]? = nil) {
            self.identifier = identifier
            self.scopes = scopes
            self.defaultScopes = defaultScopes ?? scopes
        }
    }

    /// One sample MCP server.
    public struct Server: Sendable {
        /// What the server is about.
        public enum Name: String, Sendable, CaseIterable {
            /// Reads a few files.
            case files
            /// Keeps a few events.
            case calendar
        }

        /// What the server is about.
        public var name: Name
        /// Where it listens: `host:port` on loopback.
        public var address: String
        /// The path of its MCP endpoint.
        public var path: String

        /// Makes a server.
        public init(name: Name, address: String, path: String = "/mcp") {
            self.name = name
            self.address = address
            self.path = path
        }
    }

    /// Where the authorization server listens: `host:port` on loopback.
    public var authorizationServer: String
    /// The authorization server's identifier, without a slash at the end: the `iss` of its tokens.
    public var issuer: String
    /// What tokens can be issued for.
    public var resources: [Resource]
    /// The sample servers.
    public var servers: [Server]

    /// Makes a setup; without `issuer` the identifier is the authorization server's own address.
    public init(
        authorizationServer: String,
        issuer: String? = nil,
        resources: [Resource],
        servers: [Server]
    ) {
        self.authorizationServer = authorizationServer
        self.issuer = issuer ?? "http://" + authorizationServer
        self.resources = resources
        self.servers = servers
    }
}
