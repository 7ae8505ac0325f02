// Which endpoints take requests: one judge for the process, whom workers and checks tell what they meet.

public import Logging
internal import OpenSSL
internal import Policy
internal import Synchronization
public import Transport

/// Judges endpoints, tells all workers what follows, and says in the log what has changed. Workers come here on their cold
/// path alone: with a failure, and with the first success after one.
public final class EndpointHealth: Sendable {
    /// Most checks at a time, each with a descriptor.
    public static let maximumChecks = HealthChecks.maximum

    /// Milliseconds between two looks at what is due.
    private static let pause = 100

    /// The endpoints of the configuration.
    private let endpoints = Mutex<[PublishedEndpoint]>([])
    /// Where ejections run.
    private let ejected = Mutex<Set<Place>>([])
    /// The addresses of names.
    private let addresses = Mutex<[String: [SocketAddress]]>([:])
    private let checks = HealthChecks()
    private let logger: Logger
    private let send: @Sendable (WorkerMessage) -> Void

    private struct Place: Hashable {
        let endpoint: PublishedEndpoint
        let address: SocketAddress

        static func == (left: Place, right: Place) -> Bool {
            left.endpoint === right.endpoint && left.address == right.address
        }

        func hash(into hasher: inout Hasher) {
            hasher.combine(endpoint.number)
            hasher.combine(address)
        }
    }

    /// Makes a judge that has nothing to judge.
    ///
    /// - Parameters:
    ///   - logger: Is told of changes.
    ///   - send: Takes a message to all workers.
    public init(logger: Logger, send: @escaping @Sendable (WorkerMessage) -> Void) {
        self.logger = logger
        self.send = send
    }

    /// Looks after the endpoints of a configuration from now on. What is known of those that stay is kept.
    public func adopt(_ publication: Publication) {
        let new = publication.endpointsInUse
        endpoints.withLock { $0 = new }
        addresses.withLock { known in known = known.filter { publication.hosts.contains($0.key) } }
    }

    /// Follows the addresses of a name; none means that they could not be found out.
    func follow(_ found: [SocketAddress], of host: String) {
        guard !found.isEmpty else { return }
        let isNews = addresses.withLock { known in
            let before = known.updateValue(found, forKey: host)
            return before.map { Set($0) } != Set(found)
        }
        guard isNews else { return }
        for endpoint in endpoints.withLock({ $0 }) where endpoint.endpoint.host == host {
            let current = Set(found.map { $0.with(port: endpoint.endpoint.port) })
            endpoint.health.withLock { places in places = places.filter { current.contains($0.key) } }
        }
    }

    /// Passes messages on to `send`, and takes note of the addresses that they tell.
    public func overhearing(
        _ send: @escaping @Sendable (WorkerMessage) -> Void
    ) -> @Sendable (WorkerMessage) -> Void {
        { message in
            if case .addresses(let host, let found, _) = message { self.follow(found, of: host) }
            send(message)
        }
    }

    /// Starts the checks, and the return of what was ejected.
    public func start() throws(SystemError) {
        try Thread.start("audgate-health") {
            while true {
                self.advance(to: Clock.monotonicMilliseconds)
                Clock.sleep(milliseconds: Self.pause)
            }
        }
    }

    /// Does what is due.
    private func advance(to now: Int) {
        for place in ejected.withLock({ $0 }) {
            change(place.endpoint, place.address) { $0.advance(to: now) }
        }
        for endpoint in endpoints.withLock({ $0 }) {
            guard let rules = endpoint.rules.check else { continue }
            for address in currentAddresses(of: endpoint) where begins(endpoint, address, now) {
                checks.start(endpoint, address, rules) { problem in
                    self.change(endpoint, address) { health in
                        let now = Clock.monotonicMilliseconds
                        health.isBeingChecked = false
                        health.nextCheck = now + rules.interval
                        return health.judge(problem: problem, now: now)
                    }
                }
            }
        }
    }

    /// Whether a check of a place is to begin; false if none more can run.
    private func begins(_ endpoint: PublishedEndpoint, _ address: SocketAddress, _ now: Int) -> Bool {
        guard checks.haveRoom else { return false }
        return endpoint.health.withLock { places in
            var health = places[address] ?? PlaceHealth(endpoint.rules, now: now)
            guard !health.isBeingChecked, health.nextCheck <= now else { return false }
            health.isBeingChecked = true
            places[address] = health
            return true
        }
    }

    private func currentAddresses(of endpoint: PublishedEndpoint) -> [SocketAddress] {
        if let fixed = endpoint.fixedAddress { return [fixed] }
        let found = addresses.withLock { $0[endpoint.endpoint.host] ?? [] }
        return found.map { $0.with(port: endpoint.endpoint.port) }
    }

    // MARK: - What workers tell and ask

    /// A request, or the attempt to connect for one, has failed at a place.
    func failed(_ endpoint: PublishedEndpoint, at address: SocketAddress, _ reason: String) {
        let chance = Double(SecureRandom.number() >> 11) / Double(1 << 53)
        change(endpoint, address) { $0.fail(reason, now: Clock.monotonicMilliseconds, chance: chance) }
    }

    /// A request has succeeded at a place where none had before, or after a failure.
    func succeeded(_ endpoint: PublishedEndpoint, at address: SocketAddress) {
        change(endpoint, address) { $0.succeed(now: Clock.monotonicMilliseconds) }
    }

    /// How a place stands, for who knows it from now on: what changes later comes by message.
    func standing(of endpoint: PublishedEndpoint, at address: SocketAddress) -> Standing {
        endpoint.health.withLock { $0[address]?.standing ?? .full }
    }

    /// Asks all workers to give up connections to an endpoint that they do not use, as somebody waits for one.
    func askForConnection(to endpoint: PublishedEndpoint) {
        send(.spare(endpoint))
    }

    /// Lets what is known of a place change, and says what became of it.
    private func change(
        _ endpoint: PublishedEndpoint,
        _ address: SocketAddress,
        _ make: (inout PlaceHealth) -> PlaceHealth.Event?
    ) {
        var found: PlaceHealth?
        let place = Place(endpoint: endpoint, address: address)
        let event = endpoint.health.withLock { places -> PlaceHealth.Event? in
            var health = places[address] ?? PlaceHealth(endpoint.rules, now: Clock.monotonicMilliseconds)
            let event = make(&health)
            places[address] = health
            found = health
            // Under the lock, so that workers learn of changes in their order.
            if event != nil { send(.standing(endpoint, address, health.standing)) }
            switch event {
            case .ejected: ejected.withLock { _ = $0.insert(place) }
            case .returned: ejected.withLock { _ = $0.remove(place) }
            case .found, .fell, nil: break
            }
            return event
        }
        if let event, let found { say(event, endpoint, address, found) }
    }

    private func say(
        _ event: PlaceHealth.Event,
        _ endpoint: PublishedEndpoint,
        _ address: SocketAddress,
        _ health: PlaceHealth
    ) {
        var metadata: Logger.Metadata = [
            "endpoint": "\(endpoint.endpoint.identity)", "address": "\(address)",
        ]
        switch event {
        case .found: logger.debug("An endpoint is there.", metadata: metadata)
        case .returned: logger.notice("An endpoint takes requests again.", metadata: metadata)
        case .fell:
            metadata["reason"] = "\(health.reason)"
            logger.warning("An endpoint is down: its checks fail.", metadata: metadata)
        case .ejected(let milliseconds):
            metadata["reason"] = "\(health.reason)"
            metadata["failures"] = "\(health.failures)"
            metadata["milliseconds"] = "\(milliseconds)"
            logger.warning("An endpoint is ejected: requests fail there.", metadata: metadata)
        }
    }

    // MARK: - For metrics and the status page

    /// How each endpoint is at each of its addresses, in the order of their numbers.
    public func snapshotOfStates() -> [EndpointState] {
        let now = (Clock.monotonicMilliseconds, Clock.unixMicroseconds / 1000)
        return endpoints.withLock { $0 }.flatMap { endpoint in
            currentAddresses(of: endpoint).map { address in
                EndpointState(endpoint, address, endpoint.health.withLock { $0[address] }, now)
            }
        }
    }
}
