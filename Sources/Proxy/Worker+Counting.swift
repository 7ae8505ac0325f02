// What a worker counts, and where it tells.

internal import HTTP
internal import OpenSSL
internal import Policy
internal import Transport

extension Worker {
    /// What was counted so far, for whoever asks. What is copied grows with the endpoints that were used since the last
    /// time, and with nothing else.
    func report() -> WorkerReport {
        for tally in changedTallies {
            tally.hasChanged = false
            tell(tally)
        }
        changedTallies.removeAll(keepingCapacity: true)
        return WorkerReport(
            worker: index,
            generation: generation.number,
            counts: counters.now,
            connections: connections.clients,
            bufferedBytes: reservedBytes,
            tokens: tokens.count,
            tokenCounts: tokens.counts
        )
    }

    private func tell(_ tally: EndpointTally) {
        counters.endpoints.change(row: tally.number) { counters, start in
            for column in EndpointColumn.allCases {
                counters[start + column.rawValue] =
                    switch column {
                    case .requests: tally.counts.requests
                    case .failures: tally.counts.failures
                    case .connections: tally.counts.connections
                    case .idle: tally.counts.idle
                    case .active: tally.counts.active
                    case .connectedAt: tally.counts.connectedAt
                    case .failedAt: tally.counts.failedAt
                    }
            }
        }
    }

    // MARK: - Requests

    /// Counts a request that has ended.
    func count(_ exchange: Exchange) {
        let row = exchange.generation.row(of: exchange.record.route)
        counters.countEnd(row: row, exchange.record.reason, times(of: exchange))
        if exchange.hasResponded, exchange.isEventStream { counters.countStream(row: row, -1) }
        guard let intended = exchange.record.intendedRoute else { return }
        let pair = ReplayPair(issuedFor: exchange.generation.row(of: intended), presentedAt: row)
        counters.countReplay(pair, now: Int(clock.unixSeconds))
    }

    /// How long a request took that went on. What was answered here says nothing of how long servers take, and a flood
    /// of refused requests is not to make them look fast.
    ///
    /// A stream of events counts up to its head: how long somebody listens is no latency.
    private func times(of exchange: Exchange) -> RequestTimes? {
        guard !exchange.record.endpoint.isEmpty else { return nil }
        let start = exchange.record.start
        guard exchange.hasResponded else {
            return RequestTimes(whole: clock.microseconds - start, upstream: nil)
        }
        let upstream = exchange.record.upstreamDuration
        let head = exchange.record.upstreamStart + upstream
        let end = exchange.isEventStream ? head : clock.microseconds
        return RequestTimes(whole: end - start, upstream: upstream)
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
        counters.count(kind)
    }

    // MARK: - Endpoints

    /// Notes that something was counted at an endpoint, or that its connections are others. The row of a retired one
    /// may belong to another endpoint.
    func noteChange(of tally: EndpointTally) {
        guard !tally.hasChanged, !tally.isRetired else { return }
        tally.hasChanged = true
        changedTallies.append(tally)
    }

    /// Counts a connection that was made.
    func countConnection(_ opening: UpstreamOpening) {
        countHandshake(on: opening.channel, isClient: false)
        opening.place.tally.counts.connections += 1
        opening.place.tally.counts.connectedAt = clock.unixMicroseconds / 1000
        noteChange(of: opening.place.tally)
    }

    /// Counts the end of a connection.
    func countEnd(ofConnectionTo place: UpstreamPlace) {
        place.tally.counts.connections -= 1
        noteChange(of: place.tally)
    }

    /// Counts an attempt to connect that failed.
    func countFailure(at tally: EndpointTally) {
        tally.counts.failures += 1
        tally.counts.failedAt = clock.unixMicroseconds / 1000
        noteChange(of: tally)
    }

    /// Ends what a connection to a server does for an exchange.
    func detach(_ upstream: UpstreamStream) {
        guard upstream.exchange != nil else { return }
        upstream.exchange = nil
        upstream.place.tally.counts.active -= 1
        noteChange(of: upstream.place.tally)
    }
}
