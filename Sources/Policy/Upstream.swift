// The MCP server behind a route.

public import MCP
public import OpenSSL

/// Which credential goes on to the server.
public enum UpstreamCredentials: String, Sendable, CaseIterable {
    /// The token that was checked, unchanged: the server is the resource that it names.
    case forward
    /// None.
    case strip
}

/// One address of a server.
///
/// A class, so that each request passes it on without counting its texts.
public final class Endpoint: Hashable, Sendable {
    /// Name or address of the host; an IPv6 address has no brackets here.
    public let host: String
    /// Port, or the path of a Unix socket.
    public let port: UInt16
    /// What goes into `Host`.
    public let authority: String
    /// Path that takes the place of the resource's path; begins with a slash.
    public let path: String
    /// Path of a Unix socket, for endpoints that have no host.
    public let unixPath: String?
    /// Whether it is reached by TLS.
    public let isSecure: Bool

    /// Makes an endpoint out of checked parts.
    public init(
        host: String,
        port: UInt16,
        authority: String,
        path: String,
        unixPath: String? = nil,
        isSecure: Bool = false
    ) {
        self.host = host
        self.port = port
        self.authority = authority
        self.path = path
        self.unixPath = unixPath
        self.isSecure = isSecure
    }

    /// Whether both are the same in all parts.
    public static func == (one: Endpoint, other: Endpoint) -> Bool {
        one.host == other.host && one.port == other.port && one.authority == other.authority
            && one.path == other.path && one.unixPath == other.unixPath && one.isSecure == other.isSecure
    }

    /// Hashes what tells endpoints apart.
    public func hash(into hasher: inout Hasher) {
        hasher.combine(host)
        hasher.combine(port)
        hasher.combine(path)
        hasher.combine(unixPath)
    }

    /// What tells the endpoint from others, in session ids.
    public var identity: String { name + path }

    /// Where its sessions and tasks are, for one of its addresses or for an endpoint that is one by itself.
    public func tag(atAddress address: String?) -> PlaceTag {
        PlaceTag(
            endpoint: EndpointTag(ofEndpoint: identity),
            address: address.map { EndpointTag(ofEndpoint: $0) }
        )
    }

    /// The endpoint as logs show it.
    public var name: String { unixPath.map { "unix:\($0)" } ?? authority }
}

/// How connections to a server are secured. Servers with equal settings share the context.
public final class UpstreamTLS: Sendable {
    /// What handshakes need.
    public let context: ClientTLSContext
    /// The name that the certificate must have and that the handshake asks for; nil for the endpoint's host.
    public let serverName: String?

    /// Makes the settings out of checked parts.
    public init(context: ClientTLSContext, serverName: String? = nil) {
        self.context = context
        self.serverName = serverName
    }
}

/// A server: where it is and how to talk to it.
public struct Upstream: Sendable {
    /// Its addresses, at least one.
    public let endpoints: [Endpoint]
    /// What stands for each endpoint in session ids.
    private let tags: [EndpointTag]
    /// Which credential goes on.
    public let credentials: UpstreamCredentials
    /// Longest time for connecting, in milliseconds, all addresses of the endpoint together.
    public let connectTimeout: Int
    /// Longest time from the end of the request to the head of the response, in milliseconds.
    public let responseTimeout: Int
    /// Whether the server speaks HTTP with SSE as of 2024-11-05: its event stream names another place to post to.
    public let usesLegacySSE: Bool
    /// Whether HTTP/2 is spoken: offered by ALPN where there is TLS, by prior knowledge where there is none.
    public let speaksHTTP2: Bool
    /// How connections are secured; nil if no endpoint is reached by TLS.
    public let tls: UpstreamTLS?
    /// How the endpoints are looked after.
    public let rules: EndpointRules

    /// Makes an upstream out of checked parts.
    public init(
        endpoints: [Endpoint],
        credentials: UpstreamCredentials,
        connectTimeout: Int,
        responseTimeout: Int,
        usesLegacySSE: Bool = false,
        speaksHTTP2: Bool = false,
        tls: UpstreamTLS? = nil,
        rules: EndpointRules = EndpointRules()
    ) {
        self.endpoints = endpoints
        self.credentials = credentials
        self.connectTimeout = connectTimeout
        self.responseTimeout = responseTimeout
        self.usesLegacySSE = usesLegacySSE
        tags = endpoints.map { EndpointTag(ofEndpoint: $0.identity) }
        self.speaksHTTP2 = speaksHTTP2
        self.tls = tls
        self.rules = rules
    }

    /// The number of the endpoint with this tag, nil if there is none.
    public func number(of tag: EndpointTag) -> Int? { tags.firstIndex(of: tag) }
}
