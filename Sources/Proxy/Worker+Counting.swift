// What a worker counts, and where it tells.

internal import HTTP
internal import OpenSSL
internal import Policy
internal import Transport

extension Worker {
    /// What was counted so far, for whoever asks. Nothing is copied but references.
    var report: WorkerReport {
        WorkerReport(
            worker: index,
            generation: generation.number,
            counters: counters,
            connections: connections.clients,
            bufferedBytes: reservedBytes,
            tokens: tokens.count,
            tokenCounts: tokens.counts
        )
    }

    // MARK: - Requests

    /// Counts a request that has ended.
    func count(_ exchange: Exchange) {
        let row = exchange.generation.row(of: exchange.record.route)
        counters.countEnd(row: row, exchange.record.reason)
        if exchange.hasResponded, exchange.isEventStream { counters.countStream(row: row, -1) }
        countTimes(of: exchange, row)
        guard let intended = exchange.record.intendedRoute else { return }
        let pair = ReplayPair(issuedFor: exchange.generation.row(of: intended), presentedAt: row)
        counters.countReplay(pair, now: Int(clock.unixSeconds))
    }

    /// Counts the times of a request that went on. What was answered here says nothing of how long servers take, and a
    /// flood of refused requests is not to make them look fast.
    ///
    /// A stream of events counts up to its head: how long somebody listens is no latency.
    private func countTimes(of exchange: Exchange, _ row: Int) {
        guard !exchange.record.endpoint.isEmpty else { return }
        let start = exchange.record.start
        let head = exchange.record.upstreamStart + exchange.record.upstreamDuration
        let end = exchange.hasResponded && exchange.isEventStream ? head : clock.microseconds
        counters.countTime(row: row, RouteColumn.latency, microseconds: end - start)
        guard exchange.hasResponded else { return }
        counters.countTime(
            row: row,
            RouteColumn.upstreamLatency,
            microseconds: exchange.record.upstreamDuration
        )
    }

    /// Counts a response that begins.
    func countHead(of exchange: Exchange) {
        guard exchange.isEventStream else { return }
        counters.countStream(row: exchange.generation.row(of: exchange.record.route), 1)
    }

    // MARK: - Handshakes

    /// Counts a TLS handshake that is done, if there was one.
    func countHandshake(on channel: Channel, isClient: Bool) {
        guard let handshake = channel.handshake else { return }
        let kind = HandshakeKind(
            isClient: isClient,
            version: handshake.version,
            isResumed: handshake.isResumed
        )
        counters.handshakes[kind.number] += 1
    }

    // MARK: - Endpoints

    /// Counts at an endpoint, unless its row has gone to another one.
    func count(_ amount: Int, _ column: EndpointColumn, at place: UpstreamPlace) {
        guard pool.holds(place) else { return }
        counters.endpoints.add(amount, row: place.number, column.rawValue)
    }

    /// Notes how many connections to an endpoint are idle.
    func noteIdle(_ place: UpstreamPlace) {
        guard pool.holds(place) else { return }
        counters.endpoints.set(place.idleCount, row: place.number, EndpointColumn.idle.rawValue)
    }

    /// Counts a connection that was made.
    func countConnection(_ opening: UpstreamOpening) {
        countHandshake(on: opening.channel, isClient: false)
        count(1, .connections, at: opening.place)
        note(.connectedAt, at: opening.place)
    }

    /// Counts an attempt to connect that failed.
    func countFailure(at place: UpstreamPlace) {
        count(1, .failures, at: place)
        note(.failedAt, at: place)
    }

    private func note(_ column: EndpointColumn, at place: UpstreamPlace) {
        guard pool.holds(place) else { return }
        let now = clock.unixMicroseconds / 1000
        counters.endpoints.set(now, row: place.number, column.rawValue)
    }

    /// Ends what a connection to a server does for an exchange.
    func detach(_ upstream: UpstreamStream) {
        guard upstream.exchange != nil else { return }
        upstream.exchange = nil
        count(-1, .active, at: upstream.place)
    }
}
