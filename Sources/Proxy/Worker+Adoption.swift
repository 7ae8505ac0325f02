// Takes a new configuration over, while exchanges of the old one go on.

internal import Logging
internal import Policy
internal import Transport

extension Worker {
    /// Takes a configuration over for everything that begins from now on.
    ///
    /// Exchanges go on under the configuration that they began with. Those that wait for keys have not been decided:
    /// they begin anew.
    func adopt(_ publication: Publication, keys: KeyRing) {
        guard publication.generation > generation.number else { return }
        let waiting = takeParked { if case .awaitingKeys = $0 { true } else { false } }
        olderGenerations.append(generation)
        generation = Generation(publication, keys: keys)
        spareExchanges.removeAll()
        if snapshot.limits.tokens != olderGenerations.last?.snapshot.limits.tokens { forgetTokens() }
        dropRetired(pool.adopt(publication))
        replaceGates(by: publication.gates(ofWorker: index))
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
        tokens = TokenCache(capacity: snapshot.limits.tokens, subjectKey: key.span)
    }

    /// Lets go of configurations that no exchange works with any more.
    func forgetGenerations() {
        guard !olderGenerations.isEmpty else { return }
        for index in olderGenerations.indices.reversed()
        where isKnownUniquelyReferenced(&olderGenerations[index]) {
            olderGenerations.remove(at: index)
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
            accept(at: gate)
            if acceptsAgainAt == nil { poller.unwatch(gate.descriptor) }
        }
        guard acceptsAgainAt == nil else { return }
        watchOrPause(new.filter { gate in !before.contains { $0.box === gate.box } })
    }
}
