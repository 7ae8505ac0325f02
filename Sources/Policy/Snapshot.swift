// All that one generation of configuration means, immutable and shared by all workers.

internal import Bytes
public import MCP
public import OpenSSL

/// Where the gateway listens.
public struct Listener: Sendable {
    /// Whose requests arrive there.
    public enum Purpose: Sendable {
        /// Those of clients, for routes.
        case routes
        /// Those of operators and their programs, for the process itself.
        case admin
    }

    /// `host:port`, `[v6]:port` or `unix:/path`, as `SocketAddress` reads it.
    public let address: String
    /// Path that answers load balancers, for any `Host`.
    public let healthPath: String
    /// What its handshakes need, nil for cleartext.
    public let tls: ServerTLSContext?
    /// Networks whose connections begin with a header of the PROXY protocol, as `Network` reads them.
    public let proxyNetworks: [String]
    /// Whose requests arrive there.
    public let purpose: Purpose

    /// Makes a listener.
    public init(
        address: String,
        healthPath: String = "/healthz",
        tls: ServerTLSContext? = nil,
        proxyNetworks: [String] = [],
        purpose: Purpose = .routes
    ) {
        self.address = address
        self.healthPath = healthPath
        self.tls = tls
        self.proxyNetworks = proxyNetworks
        self.purpose = purpose
    }
}

/// A compiled configuration.
public final class Snapshot: Sendable {
    /// SHA-256 of the configuration's text, in hexadecimal.
    public let hash: String
    /// Where the gateway listens.
    public let listeners: [Listener]
    /// The authorization servers; `IssuerID` is the index.
    public let issuers: [Issuer]
    /// The routes; `RouteID` is the index.
    public let routes: [Route]
    /// Authority and path to route.
    public let table: RouteTable
    /// Which route an audience belongs to: every resource and every alias.
    public let audienceOwners: [String: RouteID]
    /// Scopes that a scope implies, closed under implication.
    public let scopeImplications: [String: Set<String>]
    /// The keys of session ids.
    public let sessionKeys: SessionKeys
    /// The limits.
    public let limits: Limits
    /// Which requests are traced, and where their spans go; nil for none.
    public let traces: TraceSettings?

    /// Compiles checked parts.
    public init(
        hash: String,
        listeners: [Listener],
        issuers: [Issuer],
        routes: [Route],
        scopeImplications: [String: Set<String>] = [:],
        sessionKeys: SessionKeys = .random(),
        limits: Limits = Limits(),
        traces: TraceSettings? = nil
    ) {
        self.hash = hash
        self.listeners = listeners
        self.issuers = issuers
        self.routes = routes
        self.scopeImplications = Self.closure(of: scopeImplications)
        self.sessionKeys = sessionKeys
        self.limits = limits
        self.traces = traces
        table = RouteTable(routes)
        audienceOwners = Self.audienceOwners(routes)
    }

    /// The route with this identifier.
    public func route(_ id: RouteID) -> Route { routes[id.index] }

    /// The issuer with this identifier.
    public func issuer(_ id: IssuerID) -> Issuer { issuers[id.index] }

    private static func audienceOwners(_ routes: [Route]) -> [String: RouteID] {
        var owners: [String: RouteID] = [:]
        for (index, route) in routes.enumerated() {
            for audience in route.audiences { owners[audience] = RouteID(index) }
        }
        return owners
    }

    private static func closure(of implications: [String: Set<String>]) -> [String: Set<String>] {
        implications.mapValues { direct in
            var reached: Set<String> = []
            var open = Array(direct)
            while let scope = open.popLast() {
                guard reached.insert(scope).inserted else { continue }
                open += implications[scope] ?? []
            }
            return reached
        }
    }
}
