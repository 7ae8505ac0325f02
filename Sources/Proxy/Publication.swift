// A configuration on its way to the workers, with everything that can be worked out beforehand.

public import Policy

/// Whose a row of counters is.
public struct CounterOwner: Sendable, Hashable {
    /// The name of the route or the endpoint.
    public let name: String
    /// The row.
    public let row: Int
    /// The generation in which it got the row; what a worker counted there in generations before is somebody else's.
    public let since: Int

    /// Notes whose a row is.
    public init(name: String, row: Int, since: Int) {
        self.name = name
        self.row = row
        self.since = since
    }
}

/// One generation of configuration as it goes to all workers. Immutable; a worker that takes it over does no work that
/// grows with the number of routes.
public final class Publication: Sendable {
    /// Counts the generations.
    public let generation: Int
    /// The configuration.
    public let snapshot: Snapshot
    /// All endpoints by their numbers, those of older generations included.
    let places: [PublishedEndpoint]
    /// The numbers of each route's endpoints, in the order of the configuration.
    let endpoints: [[Int]]
    /// Numbers of endpoints that are new, so that workers forget who had them before.
    let newPlaces: [Int]
    /// Numbers of endpoints that the generation before had and this one has not.
    let retiredPlaces: [Int]
    /// Names whose addresses are needed.
    public let hosts: Set<String>
    /// Whose the rows of counters are: the routes in the order of the snapshot.
    public let routeRows: [CounterOwner]
    /// Whose the rows of counters are: each endpoint once.
    public let endpointRows: [CounterOwner]
    /// Rows of counters that have gone from one route to another.
    let reusedRouteRows: [Int]

    fileprivate init(
        generation: Int,
        snapshot: Snapshot,
        numbers: EndpointNumbers,
        routes: RouteNumbers
    ) {
        self.generation = generation
        self.snapshot = snapshot
        places = numbers.places
        endpoints = numbers.endpoints
        newPlaces = numbers.new
        retiredPlaces = numbers.retired
        endpointRows = numbers.owners
        routeRows = routes.owners
        reusedRouteRows = routes.reused
        hosts = Set(snapshot.routes.flatMap { $0.upstream.endpoints.map(\.host) })
    }

    /// The endpoints of this generation, each once.
    var endpointsInUse: [PublishedEndpoint] { Set(endpoints.joined()).sorted().map { places[$0] } }
}

/// What a publisher works out about the endpoints of one generation.
private struct EndpointNumbers {
    var places: [PublishedEndpoint] = []
    var endpoints: [[Int]] = []
    var new: [Int] = []
    var retired: [Int] = []
    var owners: [CounterOwner] = []
}

/// What a publisher works out about the routes of one generation.
private struct RouteNumbers {
    var owners: [CounterOwner] = []
    var reused: [Int] = []
}

/// Makes publications, one generation after the other; belongs to one thread.
public struct Publisher {
    /// What tells one server from another.
    private struct Target: Hashable {
        let endpoint: Endpoint
        let tls: ObjectIdentifier?
        let serverName: String?
        let speaksHTTP2: Bool

        init(_ endpoint: Endpoint, _ tls: UpstreamTLS?, speaksHTTP2: Bool) {
            self.endpoint = endpoint
            self.tls = tls.map { ObjectIdentifier($0.context) }
            serverName = tls?.serverName
            self.speaksHTTP2 = speaksHTTP2
        }

        init(_ place: PublishedEndpoint) {
            self.init(place.endpoint, place.tls, speaksHTTP2: place.speaksHTTP2)
        }
    }

    /// What tells one place from another.
    private struct Key: Hashable {
        let target: Target
        let rules: EndpointRules

        init(_ endpoint: Endpoint, of upstream: Upstream) {
            let tls = endpoint.isSecure ? upstream.tls : nil
            target = Target(endpoint, tls, speaksHTTP2: upstream.speaksHTTP2)
            rules = upstream.rules
        }
    }

    private var numbering = Numbering<Key>()
    private var places: [PublishedEndpoint] = []
    /// By number, the generation in which the endpoint got it.
    private var placesSince: [Int] = []
    /// By resource; the empty one stands for requests without a route.
    private var routeNumbering = Numbering<String>()
    /// By number, the generation in which the route got it.
    private var routesSince: [Int] = [0]
    /// Routes that are gone, with their numbers, which exchanges of generations before that one still count under.
    private var goneRoutes: [(resource: String, number: Int, generation: Int)] = []
    private var generation = 0
    /// Publications of which a worker may hold something, oldest first. They end here and not on a worker, which
    /// would stand still while 10,000 routes are freed.
    private var live: [Publication] = []

    /// Makes a publisher that has published nothing.
    public init() {
        _ = routeNumbering.number(of: "")
    }

    /// Publishes a configuration.
    public mutating func publish(_ snapshot: Snapshot) -> Publication {
        generation += 1
        let publication = Publication(
            generation: generation,
            snapshot: snapshot,
            numbers: number(snapshot),
            routes: numberRoutes(snapshot)
        )
        live.append(publication)
        return publication
    }

    /// Lets go of the publications before the generation `oldest`: no worker holds anything of them any more.
    public mutating func forget(before oldest: Int) {
        while let first = live.first, first.generation < oldest, live.count > 1 {
            live.removeFirst()
            // What the next generation retired was in use by this one at last.
            numbering.giveBack(live[0].retiredPlaces)
        }
        guard let first = live.first?.generation else { return }
        let free = goneRoutes.prefix { $0.generation <= first }
        routeNumbering.giveBack(free.map(\.number))
        goneRoutes.removeFirst(free.count)
    }

    private mutating func number(_ snapshot: Snapshot) -> EndpointNumbers {
        var kept: Set<Key> = []
        for route in snapshot.routes {
            for endpoint in route.upstream.endpoints { kept.insert(Key(endpoint, of: route.upstream)) }
        }
        var result = EndpointNumbers(retired: numbering.retire(except: kept).map(\.number))
        var predecessors = Dictionary(grouping: result.retired.map { places[$0] }, by: Target.init)
        for route in snapshot.routes {
            let numbers = route.upstream.endpoints.map { endpoint in
                let key = Key(endpoint, of: route.upstream)
                let (number, isNew) = numbering.number(of: key)
                if isNew {
                    let predecessor = predecessors[key.target]?.popLast()
                    enter(endpoint, of: route.upstream, at: number, succeeding: predecessor)
                    result.new.append(number)
                }
                return number
            }
            result.endpoints.append(numbers)
        }
        result.places = places
        result.owners = Set(result.endpoints.joined()).sorted().map { number in
            CounterOwner(name: places[number].endpoint.name, row: number, since: placesSince[number])
        }
        return result
    }

    private mutating func numberRoutes(_ snapshot: Snapshot) -> RouteNumbers {
        let resources = snapshot.routes.map(\.resource.text)
        let kept = Set(resources).union([""])
        // A route that comes back while exchanges still count under its number has that again.
        for gone in goneRoutes where kept.contains(gone.resource) {
            routeNumbering.revive(gone.resource, with: gone.number)
        }
        goneRoutes.removeAll { kept.contains($0.resource) }
        for (resource, number) in routeNumbering.retire(except: kept) {
            goneRoutes.append((resource, number, generation))
        }
        var result = RouteNumbers()
        result.owners = resources.map { resource in
            let (number, isNew) = routeNumbering.number(of: resource)
            if isNew, number < routesSince.count {
                result.reused.append(number)
                routesSince[number] = generation
            } else if isNew {
                routesSince.append(generation)
            }
            return CounterOwner(name: resource, row: number, since: routesSince[number])
        }
        return result
    }

    private mutating func enter(
        _ endpoint: Endpoint,
        of upstream: Upstream,
        at number: Int,
        succeeding predecessor: PublishedEndpoint?
    ) {
        let tls = endpoint.isSecure ? upstream.tls : nil
        let place = PublishedEndpoint(
            number: number,
            endpoint: endpoint,
            tls: tls,
            speaksHTTP2: upstream.speaksHTTP2,
            rules: upstream.rules,
            succeeding: predecessor
        )
        if number < places.count {
            places[number] = place
            placesSince[number] = generation
        } else {
            places.append(place)
            placesSince.append(generation)
        }
    }
}
