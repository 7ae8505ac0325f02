// Idle connections to servers, and the only way to one: a permit.

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
}

/// The connections of one worker to all endpoints.
struct UpstreamPool {
    private struct Place {
        let endpoint: Endpoint
        var idle: [ConnectionID] = []
    }

    private var places: [Place] = []
    private var numbers: [Endpoint: Int] = [:]
    /// The numbers of each route's endpoints.
    private var routes: [[Int]] = []
    private var turn = 0

    /// Takes over the endpoints of a snapshot; connections to endpoints that stay are kept.
    mutating func adopt(_ snapshot: Snapshot) {
        routes = snapshot.routes.map { route in route.upstream.endpoints.map { number(of: $0) } }
    }

    private mutating func number(of endpoint: Endpoint) -> Int {
        if let number = numbers[endpoint] { return number }
        places.append(Place(endpoint: endpoint))
        numbers[endpoint] = places.count - 1
        return places.count - 1
    }

    /// The endpoint with this number.
    func endpoint(_ number: Int) -> Endpoint { places[number].endpoint }

    /// Spends a permit for a place at one of the route's endpoints, each in turn.
    mutating func checkOut(_ permit: consuming ForwardPermit) -> UpstreamLease {
        let choices = routes[permit.route.index]
        turn &+= 1
        let endpoint = choices.count == 1 ? choices[0] : choices[Int(turn.magnitude % UInt(choices.count))]
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

    /// Takes the connection that became idle last, nil if there is none.
    mutating func takeIdle(for lease: borrowing UpstreamLease) -> ConnectionID? {
        places[lease.endpoint].idle.popLast()
    }

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
}
