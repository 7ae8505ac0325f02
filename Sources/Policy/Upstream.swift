// The MCP server behind a route.

/// Which credential goes on to the server.
public enum UpstreamCredentials: String, Sendable, CaseIterable {
    /// The token that was checked, unchanged: the server is the resource that it names.
    case forward
    /// None.
    case strip
}

/// One address of a server.
public struct Endpoint: Hashable, Sendable {
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

    /// Makes an endpoint out of checked parts.
    public init(host: String, port: UInt16, authority: String, path: String, unixPath: String? = nil) {
        self.host = host
        self.port = port
        self.authority = authority
        self.path = path
        self.unixPath = unixPath
    }

    /// The endpoint as logs show it.
    public var name: String { unixPath.map { "unix:\($0)" } ?? authority }
}

/// A server: where it is and how to talk to it.
public struct Upstream: Sendable {
    /// Its addresses, at least one.
    public let endpoints: [Endpoint]
    /// Which credential goes on.
    public let credentials: UpstreamCredentials
    /// Longest time for connecting, in milliseconds, all addresses of the endpoint together.
    public let connectTimeout: Int
    /// Longest time from the end of the request to the head of the response, in milliseconds.
    public let responseTimeout: Int

    /// Makes an upstream out of checked parts.
    public init(
        endpoints: [Endpoint],
        credentials: UpstreamCredentials,
        connectTimeout: Int,
        responseTimeout: Int
    ) {
        self.endpoints = endpoints
        self.credentials = credentials
        self.connectTimeout = connectTimeout
        self.responseTimeout = responseTimeout
    }
}
