// Places at servers for requests, and the only way to one: a permit.

internal import MCP
internal import Policy
internal import Transport

/// A place at a server for one request. It holds the permit that was spent for it.
struct UpstreamLease: ~Copyable {
    /// The permit.
    let permit: ForwardPermit
    private let seat: UpstreamSeat

    fileprivate init(permit: consuming ForwardPermit, seat: consuming UpstreamSeat) {
        self.permit = permit
        self.seat = seat
    }

    /// Where the request goes.
    var place: UpstreamPlace { seat.place }

    /// Gives the place up, for a request of which the server has surely taken nothing.
    consuming func surrender() -> ForwardPermit { permit }
}

/// What came of looking for a place.
enum UpstreamChoice {
    /// A place, what the request takes of its limit, and whether there is another one if it fails.
    case place(UpstreamPlace, EndpointSlot?, hasAlternatives: Bool)
    /// The endpoints that could take the request have no room for it.
    case full([EndpointSlots])
    /// The endpoints whose names are being looked up for the first time.
    case unresolved([UpstreamEndpoint])
    /// The endpoints whose names cannot be resolved, and why one of them can't.
    case unresolvable([UpstreamEndpoint], problem: String)
    /// The address that holds the session is not one of its endpoint's any more.
    case sessionGone
    /// Every place was tried.
    case exhausted
}

/// All endpoints as one worker knows them, by the numbers that the publications give them.
struct UpstreamPool {
    /// What a choice depends on besides the permit.
    struct Circumstances {
        /// The numbers of the route's endpoints.
        let endpoints: [Int]
        /// Where the task is that the request asks about, nil if that is not known.
        var taskPlace: PlaceTag?
        /// Places that have failed this request already.
        var tried: [UpstreamPlace] = []
        /// What the request was given of a limit.
        var slot: EndpointSlot?
        /// Milliseconds of the monotonic clock.
        let now: Int
    }

    private var endpoints: [UpstreamEndpoint] = []
    /// Where an idle connection was looked for last.
    private var nextIdleEndpoint = 0
    private var addresses = AddressBook()
    private let health: EndpointHealth
    private var random: IdentifierSource

    init(health: EndpointHealth, seed: UInt64) {
        self.health = health
        random = IdentifierSource(seed: seed)
    }

    // MARK: - What changes

    /// Takes over the endpoints of a publication; those that stay are kept with their connections.
    ///
    /// - Returns: The connections that nobody uses and nobody will.
    mutating func adopt(_ publication: Publication) -> [ConnectionID] {
        let unused = publication.retiredPlaces.flatMap { endpoints[$0].retire() }
        for number in publication.newPlaces {
            let endpoint = UpstreamEndpoint(publication.places[number])
            if number < endpoints.count { endpoints[number] = endpoint } else { endpoints.append(endpoint) }
        }
        addresses.keep(publication.hosts)
        return unused
    }

    /// Takes over the addresses of a name.
    ///
    /// - Returns: The connections that nobody uses and nobody will.
    mutating func adopt(_ found: [SocketAddress], of host: String, problem: String) -> [ConnectionID] {
        guard let changed = addresses.enter(found, for: host, problem: problem) else { return [] }
        return changed.followers.values.flatMap { $0.follow(health) }
    }

    /// The places at an endpoint, none if this worker does not know it any more.
    func places(at published: PublishedEndpoint) -> [UpstreamPlace] {
        guard published.number < endpoints.count, endpoints[published.number].published === published else {
            return []
        }
        return endpoints[published.number].places
    }

    /// The endpoint with this number.
    func endpoint(_ number: Int) -> UpstreamEndpoint { endpoints[number] }

    // MARK: - Choosing

    /// Whether requests to these endpoints can go to more than one place.
    func hasSeveralPlaces(_ numbers: [Int]) -> Bool {
        numbers.count > 1 || numbers.first.map { endpoint($0).places.count > 1 } == true
    }

    /// Spends a permit for a place that was chosen for it.
    static func spend(
        _ permit: consuming ForwardPermit,
        at place: UpstreamPlace,
        _ slot: EndpointSlot?
    ) -> UpstreamLease {
        let seat = UpstreamSeat(at: place, listening: permit.purpose == .listening, slot: slot)
        return UpstreamLease(permit: permit, seat: seat)
    }

    /// Chooses a place: the one that holds the session or the task, else one of the route's.
    mutating func choose(
        for permit: borrowing ForwardPermit,
        _ circumstances: Circumstances
    ) -> UpstreamChoice {
        let session = permit.session
        let numbers = session.map { [circumstances.endpoints[$0.endpoint]] } ?? circumstances.endpoints
        var places: [UpstreamPlace] = []
        if let nowhere = gather(numbers, into: &places) { return nowhere }
        if let address = session?.address {
            places = places.filter { $0.tag.address == address }
            guard !places.isEmpty else { return .sessionGone }
        } else if let home = circumstances.taskPlace, let place = places.first(where: { $0.tag == home }) {
            places = [place]
        }
        return choose(for: permit, circumstances, among: places)
    }

    /// Gathers the places at endpoints; if there is none, the answer that follows.
    private mutating func gather(_ numbers: [Int], into places: inout [UpstreamPlace]) -> UpstreamChoice? {
        var unresolved: [UpstreamEndpoint] = []
        var failed: [UpstreamEndpoint] = []
        var problem = ""
        for number in numbers {
            let endpoint = endpoint(number)
            switch endpoint.reach(&addresses, health) {
            // Most routes have one endpoint: its list is lent, not copied.
            case .known: if places.isEmpty { places = endpoint.places } else { places += endpoint.places }
            case .unknown: unresolved.append(endpoint)
            case .failed(let reason):
                failed.append(endpoint)
                problem = reason
            }
        }
        guard places.isEmpty else { return nil }
        return unresolved.isEmpty ? .unresolvable(failed, problem: problem) : .unresolved(unresolved)
    }

    /// Chooses one of `places` that has room.
    private mutating func choose(
        for permit: borrowing ForwardPermit,
        _ circumstances: Circumstances,
        among places: [UpstreamPlace]
    ) -> UpstreamChoice {
        let isListening = permit.purpose == .listening
        // Most routes have one place, and with it no choice.
        if places.count == 1, circumstances.tried.isEmpty, places[0].published.requestSlots == nil {
            return .place(places[0], nil, hasAlternatives: false)
        }
        var scene = UpstreamBalance.Scene(
            places: places,
            tried: circumstances.tried,
            isListening: isListening,
            now: circumstances.now
        )
        let hasAlternatives = places.count > circumstances.tried.count + 1
        var full: [EndpointSlots] = []
        while let place = chosen(for: permit, scene) {
            guard let slots = place.published.requestSlots, !isListening else {
                return .place(place, nil, hasAlternatives: hasAlternatives)
            }
            if let slot = circumstances.slot, slot.slots === slots {
                return .place(place, slot, hasAlternatives: hasAlternatives)
            }
            if let slot = slots.take() { return .place(place, slot, hasAlternatives: hasAlternatives) }
            full.append(slots)
            scene.full.append(place.published)
        }
        return full.isEmpty ? .exhausted : .full(full)
    }

    private mutating func chosen(
        for permit: borrowing ForwardPermit,
        _ scene: UpstreamBalance.Scene
    ) -> UpstreamPlace? {
        if case .task(let id) = permit.purpose { return UpstreamBalance.choose(scene, forTask: id) }
        return UpstreamBalance.choose(scene, &random)
    }

    // MARK: - The connections of all endpoints

    /// The connection that has been idle for longest at some place, each endpoint in turn; nil if none is idle.
    mutating func nextIdle() -> ConnectionID? {
        for _ in endpoints.indices {
            nextIdleEndpoint = (nextIdleEndpoint + 1) % endpoints.count
            for place in endpoints[nextIdleEndpoint].places {
                if let id = place.longestIdle { return id }
            }
        }
        return nil
    }

    /// All connections that can carry many requests.
    var allShared: some Sequence<ConnectionID> { endpoints.lazy.flatMap(\.places).flatMap(\.shared) }
}
