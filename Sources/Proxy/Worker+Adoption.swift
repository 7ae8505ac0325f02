// Takes a new configuration over, while exchanges of the old one go on.

internal import Logging
internal import Policy
internal import Transport

extension Worker {
    /// Most configurations that are kept for exchanges that began with them; the oldest ends with its exchanges when
    /// there would be more. Each may be large, and event streams live for days.
    static let maximumOlderGenerations = 16

    /// Takes a configuration over for everything that begins from now on.
    ///
    /// Exchanges go on under the configuration that they began with. Those that wait for keys have not been decided:
    /// they begin anew.
    func adopt(_ publication: Publication, _ listeners: [PublishedListener], keys: KeyRing) {
        guard publication.generation > generation.number else { return }
        let start = Clock.monotonicMicroseconds
        let waiting = takeParked { if case .awaitingKeys = $0 { true } else { false } }
        olderGenerations.append(generation)
        generation = Generation(publication, keys: keys)
        spareExchanges.removeAll()
        if snapshot.limits.tokens != olderGenerations.last?.snapshot.limits.tokens { forgetTokens() }
        dropRetired(pool.adopt(publication))
        if !publication.retiredPlaces.isEmpty { changedTallies.removeAll(where: \.isRetired) }
        counters.clear(routes: publication.reusedRouteRows, endpoints: publication.newPlaces)
        replaceGates(by: listeners.flatMap { $0.gates(ofWorker: index) })
        // The one before counts only if exchanges have it, and not because it was just in use here.
        forgetGenerations()
        if olderGenerations.count > Self.maximumOlderGenerations { endExchanges(of: olderGenerations[0]) }
        status.adopted(generation: generation.number, pause: Clock.monotonicMicroseconds - start)
        for exchange in waiting {
            exchange.generation = generation
            guard let client = exchange.client else { continue }
            decide(exchange)
            flush(client)
            queue(client)
        }
    }

    private func forgetTokens() {
        let key = services.subjectKey
        let counts = tokens.counts
        tokens = TokenCache(capacity: snapshot.limits.tokens, subjectKey: key.span)
        tokens.counts = counts
    }

    /// Lets go of configurations that no exchange works with any more.
    func forgetGenerations() {
        guard !olderGenerations.isEmpty else { return }
        for index in olderGenerations.indices.reversed()
        where isKnownUniquelyReferenced(&olderGenerations[index]) {
            olderGenerations.remove(at: index)
        }
    }

    private func endExchanges(of superseded: Generation) {
        for case .client(let client) in connections.all {
            guard let exchange = client.exchange, exchange.generation === superseded else { continue }
            fail(exchange, GatewayFailure(.superseded))
        }
    }

    func dropRetired(_ unused: [ConnectionID]) {
        for id in unused {
            switch connections[id] {
            case .upstream(let upstream): discard(upstream)
            case .http2(let connection): endWhenIdle(connection)
            case .vacant, .arrival, .client, .opening: break
            }
        }
    }

    private func replaceGates(by new: [Gate]) {
        guard !isDraining else { return }
        let before = gates
        gates = new
        for gate in before where !new.contains(where: { $0.box === gate.box }) {
            // Who has connected already would be reset when the socket closes: they are taken and answered.
            takeLastConnections(at: gate)
            if acceptsAgainAt == nil { poller.unwatch(gate.descriptor) }
        }
        guard acceptsAgainAt == nil, !isWaiting else { return }
        watchOrPause(new.filter { gate in !before.contains { $0.box === gate.box } })
    }
}
