// Connections to servers that can take a request, and the only way to one: a permit.

internal import OpenSSL
internal import Policy
internal import Transport

/// A place at a server for one request. It holds the permit that was spent for it.
struct UpstreamLease: ~Copyable {
    /// The permit.
    let permit: ForwardPermit
    /// The pool's number of the endpoint.
    fileprivate(set) var endpoint: Int

    fileprivate init(permit: consuming ForwardPermit, endpoint: Int) {
        self.permit = permit
        self.endpoint = endpoint
    }

    /// Takes the connection that became idle last, nil if there is none.
    func takeIdle(from pool: inout UpstreamPool) -> ConnectionID? {
        pool.places[endpoint].idle.popLast()
    }

    /// The connections that can carry the request beside others.
    func shared(in pool: UpstreamPool) -> [ConnectionID] {
        pool.places[endpoint].shared
    }
}

/// The connections of one worker to all endpoints.
struct UpstreamPool {
    /// An endpoint with how it is talked to: only requests that agree in both share connections.
    private struct Address: Hashable {
        let endpoint: Endpoint
        let tls: ObjectIdentifier?
        let serverName: String?
        let wantsHTTP2: Bool
    }

    fileprivate struct Place {
        let endpoint: Endpoint
        let tls: UpstreamTLS?
        var wantsHTTP2: Bool
        /// Idle connections of HTTP/1.1.
        var idle: [ConnectionID] = []
        /// Connections of HTTP/2.
        var shared: [ConnectionID] = []
        /// A connection attempt that requests may wait for together.
        var opening: ConnectionID?
        /// What the next TLS handshake can resume.
        var resumption: TLSResumption?
    }

    fileprivate var places: [Place] = []
    private var numbers: [Address: Int] = [:]
    /// The numbers of each route's endpoints.
    private var routes: [[Int]] = []
    private var turn = 0
    /// Where an idle connection was looked for last.
    private var nextIdlePlace = 0

    /// Takes over the endpoints of a snapshot; connections to endpoints that stay are kept.
    mutating func adopt(_ snapshot: Snapshot) {
        routes = snapshot.routes.map { route in
            route.upstream.endpoints.map { number(of: $0, route.upstream) }
        }
    }

    private mutating func number(of endpoint: Endpoint, _ upstream: Upstream) -> Int {
        let tls = endpoint.isSecure ? upstream.tls : nil
        let address = Address(
            endpoint: endpoint,
            tls: tls.map { ObjectIdentifier($0.context) },
            serverName: tls?.serverName,
            wantsHTTP2: upstream.speaksHTTP2
        )
        if let number = numbers[address] { return number }
        places.append(Place(endpoint: endpoint, tls: tls, wantsHTTP2: upstream.speaksHTTP2))
        numbers[address] = places.count - 1
        return places.count - 1
    }

    /// The endpoint with this number.
    func endpoint(_ number: Int) -> Endpoint { places[number].endpoint }

    /// How TLS is spoken with an endpoint, nil for cleartext.
    func tls(_ number: Int) -> UpstreamTLS? { places[number].tls }

    /// Whether new connections to an endpoint are to carry HTTP/2.
    func wantsHTTP2(_ number: Int) -> Bool { places[number].wantsHTTP2 }

    /// What the next TLS handshake with an endpoint can resume.
    func resumption(_ number: Int) -> TLSResumption? { places[number].resumption }

    /// Spends a permit for a place at one of the route's endpoints: the one that holds the session, or each in turn.
    mutating func checkOut(_ permit: consuming ForwardPermit) -> UpstreamLease {
        let choices = routes[permit.route.index]
        turn &+= 1
        let endpoint =
            if let own = permit.session?.endpoint {
                choices[own]
            } else if choices.count == 1 {
                choices[0]
            } else {
                choices[Int(turn.magnitude % UInt(choices.count))]
            }
        return UpstreamLease(permit: permit, endpoint: endpoint)
    }

    /// Moves a lease on to the route's next endpoint, for a request that no endpoint has taken.
    func moveOn(_ lease: inout UpstreamLease) {
        let choices = routes[lease.permit.route.index]
        let place = choices.firstIndex(of: lease.endpoint) ?? 0
        lease.endpoint = choices[(place + 1) % choices.count]
    }

    /// Number of endpoints of a route.
    func endpointCount(of route: RouteID) -> Int { routes[route.index].count }

    // MARK: - HTTP/1.1

    /// Keeps an idle connection; false if there are `maximum` of them already.
    mutating func keep(_ id: ConnectionID, endpoint: Int, maximum: Int) -> Bool {
        guard places[endpoint].idle.count < maximum else { return false }
        places[endpoint].idle.append(id)
        return true
    }

    /// Forgets an idle connection that is gone.
    mutating func forget(_ id: ConnectionID, endpoint: Int) {
        places[endpoint].idle.removeAll { $0 == id }
    }

    /// The connection that has been idle for longest at some endpoint, each endpoint in turn; nil if none is idle.
    mutating func nextIdle() -> ConnectionID? {
        for _ in places.indices {
            nextIdlePlace = (nextIdlePlace + 1) % places.count
            if let id = places[nextIdlePlace].idle.first { return id }
        }
        return nil
    }

    /// All connections that can carry many requests.
    var allShared: some Sequence<ConnectionID> { places.lazy.flatMap(\.shared) }

    // MARK: - HTTP/2

    /// The connection attempt that a request may wait for, nil if there is none.
    func opening(at endpoint: Int) -> ConnectionID? { places[endpoint].opening }

    /// Notes an attempt that will carry many requests.
    mutating func note(opening: ConnectionID, at endpoint: Int) {
        places[endpoint].opening = opening
    }

    /// Forgets an attempt that is over.
    mutating func forget(opening: ConnectionID, at endpoint: Int) {
        if places[endpoint].opening == opening { places[endpoint].opening = nil }
    }

    /// Notes a connection that can carry many requests.
    mutating func note(connection: ConnectionID, at endpoint: Int) {
        places[endpoint].shared.append(connection)
    }

    /// Forgets a connection that takes no more requests.
    mutating func forget(connection: ConnectionID, at endpoint: Int) {
        places[endpoint].shared.removeAll { $0 == connection }
    }

    /// Notes that an endpoint prefers HTTP/1.1.
    mutating func noteNoHTTP2(at endpoint: Int) {
        places[endpoint].wantsHTTP2 = false
    }

    /// Keeps what a later TLS handshake can resume.
    mutating func note(_ resumption: TLSResumption, at endpoint: Int) {
        places[endpoint].resumption = resumption
    }
}
