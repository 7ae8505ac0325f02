// An endpoint as all workers share it.

internal import Policy
internal import Synchronization
internal import Transport

/// An endpoint together with how it is talked to and looked after: routes that agree in all of it share connections,
/// limits and what is known of its health.
public final class PublishedEndpoint: Sendable {
    /// Its place among all endpoints.
    let number: Int
    /// Where it is.
    let endpoint: Endpoint
    /// How TLS is spoken with it, nil for cleartext.
    let tls: UpstreamTLS?
    /// Whether new connections are to carry HTTP/2, until the endpoint says that it prefers HTTP/1.1.
    let speaksHTTP2: Bool
    /// How it is looked after.
    let rules: EndpointRules
    /// The requests that it may have at a time, nil for any number.
    let requestSlots: EndpointSlots?
    /// The connections that it may have, nil for any number.
    let connectionSlots: EndpointSlots?
    /// What is known of each of its addresses.
    let health = Mutex<[SocketAddress: PlaceHealth]>([:])

    /// - Parameter predecessor: The same endpoint under other rules, which ends with the generation before: what runs
    ///   there counts on.
    init(
        number: Int,
        endpoint: Endpoint,
        tls: UpstreamTLS?,
        speaksHTTP2: Bool,
        rules: EndpointRules,
        succeeding predecessor: PublishedEndpoint? = nil
    ) {
        self.number = number
        self.endpoint = endpoint
        self.tls = tls
        self.speaksHTTP2 = speaksHTTP2
        self.rules = rules
        let limits = rules.limits
        requestSlots = Self.slots(limits.requests, limits.queue, after: predecessor?.requestSlots)
        connectionSlots = Self.slots(limits.connections, limits.queue, after: predecessor?.connectionSlots)
    }

    private static func slots(_ limit: Int?, _ queue: Int, after past: EndpointSlots?) -> EndpointSlots? {
        guard let limit else { return nil }
        guard let past else { return EndpointSlots(limit: limit, queue: queue) }
        past.change(limit: limit, queue: queue)
        return past
    }

    /// The one address that needs no look-up, nil for an endpoint that has a name.
    var fixedAddress: SocketAddress? {
        if let path = endpoint.unixPath { return SocketAddress(.unix(path)) }
        return SocketAddress(host: endpoint.host, port: endpoint.port)
    }
}
