// The way to a server: a pooled connection or a new one, and the request onto it.

internal import Bytes
internal import Glibc
internal import HTTP
internal import HTTP1
internal import HTTP2
internal import MCP
internal import Policy
internal import Transport

extension Worker {
    /// Spends the permit of an exchange for a place at its server, and sends the request there.
    ///
    /// - Parameters:
    ///   - exchange: The exchange.
    ///   - slot: What the exchange has waited for.
    ///   - failure: Why it comes here again.
    func forward(_ exchange: Exchange, with slot: EndpointSlot? = nil, after failure: GatewayFailure? = nil) {
        guard let permit = exchange.permit.take() else { return }
        switch pool.choose(for: permit, circumstances(of: exchange, permit, slot)) {
        case .place(let place, let slot, let hasAlternatives):
            exchange.hasAlternatives = hasAlternatives
            exchange.record.endpoint = place.name
            exchange.trace.forwardedAt = clock.microseconds
            var lease: UpstreamLease? = UpstreamPool.spend(permit, at: place, slot)
            swap(&exchange.lease, &lease)
            send(exchange)
        case .full(let slots):
            exchange.permit = consume permit
            awaitRoom(exchange, at: slots)
        case .unresolved(let endpoints):
            exchange.permit = consume permit
            awaitAddresses(of: endpoints, exchange)
        case .unresolvable(let endpoints, let problem):
            exchange.permit = consume permit
            for endpoint in endpoints {
                countFailure(at: endpoint.tally)
                services.names.lookUp(endpoint.published.endpoint.host)
            }
            fail(exchange, GatewayFailure(.nameUnresolved, problem))
        case .sessionGone:
            exchange.permit = consume permit
            refuseSession(of: exchange)
        case .exhausted:
            exchange.permit = consume permit
            fail(exchange, failure ?? GatewayFailure(.connectFailed, "no place is left"))
        }
    }

    private func circumstances(
        of exchange: Exchange,
        _ permit: borrowing ForwardPermit,
        _ slot: EndpointSlot?
    ) -> UpstreamPool.Circumstances {
        var circumstances = UpstreamPool.Circumstances(
            endpoints: exchange.generation.endpoints(of: permit.route),
            tried: exchange.triedPlaces,
            slot: slot,
            now: clock.milliseconds
        )
        if case .task(let id) = permit.purpose {
            let route = exchange.snapshot.route(permit.route)
            circumstances.taskPlace = services.tasks.place(of: id, at: route, for: permit.principal)
        }
        return circumstances
    }

    /// Sends a request to the place that it has, by a connection that is there or a new one.
    private func send(_ exchange: Exchange) {
        guard !placeOnShared(exchange) else { return }
        // Where one idle connection was dead others may be.
        guard !exchange.hasRetried, let idle = takeIdle(for: exchange) else { return connect(exchange) }
        reuse(idle, for: exchange)
    }

    /// Sends a request by a connection that has carried others.
    func reuse(_ upstream: UpstreamStream, for exchange: Exchange) {
        upstream.isReused = true
        upstream.sentBefore = upstream.channel?.sentOctets ?? 0
        upstream.deadline.clear()
        place(exchange, on: upstream)
    }

    private func takeIdle(for exchange: Exchange) -> UpstreamStream? {
        while let id = exchange.lease?.place.takeIdle() {
            if let upstream = connections.upstream(id) { return upstream }
        }
        return nil
    }

    /// Places the request on a connection of HTTP/2 that has room for it; false if there is none.
    func placeOnShared(_ exchange: Exchange) -> Bool {
        for id in exchange.lease?.place.shared ?? [] {
            guard let connection = connections.http2(id), !connection.isEnding else { continue }
            if place(exchange, on: connection) { return true }
        }
        return false
    }

    func sendContinue(_ exchange: Exchange) {
        guard let client = exchange.client else { return }
        client.writeContinue(using: &fields)
        flush(client)
    }

    private func attach(_ exchange: Exchange, to upstream: UpstreamStream) {
        exchange.upstream = upstream
        exchange.phase = .relaying
        exchange.record.upstreamStart = clock.microseconds
        upstream.exchange = exchange
        upstream.parser.limits = exchange.snapshot.limits.messages
        upstream.place.tally.counts.requests += 1
        upstream.place.tally.counts.active += 1
        noteChange(of: upstream.place.tally)
    }

    private func requestFacts(of exchange: Exchange, at endpoint: Endpoint) -> UpstreamRequest.Facts? {
        guard let client = exchange.client, let route = exchange.route,
            let subpath = exchange.lease?.permit.subpath, let era = exchange.lease?.permit.era
        else { return nil }
        let target = exchange.lease?.permit.target
        return UpstreamRequest.Facts(
            route: route,
            endpoint: endpoint,
            framing: exchange.bodyLength > 0 ? .length(exchange.bodyLength) : .none,
            clientHost: client.origin.host,
            trace: forwardedTrace(of: exchange),
            subpath: subpath,
            target: target,
            // The address of a message of 2024-11-05 has the session in it.
            sessionID: target == nil ? exchange.lease?.permit.session?.id : nil,
            rules: ForwardedFields.RequestRules(
                credentials: route.upstream.credentials,
                isLegacy: era == .legacy,
                isRewritten: route.hidesUnauthorizedTools || route.upstream.usesLegacySSE
            )
        )
    }

    /// Gives the request to a connection of HTTP/1.1 that has nothing else to do.
    func place(_ exchange: Exchange, on upstream: UpstreamStream) {
        guard let facts = requestFacts(of: exchange, at: upstream.place.endpoint) else { return }
        attach(exchange, to: upstream)
        lendOutput(to: &upstream.output)
        UpstreamRequest.append(exchange.request, facts: facts, to: &upstream.output)
        sendBody(of: exchange, upstream)
    }

    /// Gives the request to a stream of its own; false if the server allows no more of them.
    func place(_ exchange: Exchange, on connection: HTTP2Connection) -> Bool {
        guard connection.session.canOpenStream, case .server(let place) = connection.peer else {
            return false
        }
        guard let facts = requestFacts(of: exchange, at: place.endpoint) else { return false }
        let endsStream = exchange.bodyLength == 0
        fields.removeAll()
        UpstreamRequest.append(exchange.request, facts: facts, to: &fields)
        guard let stream = connection.session.request(fields, endsStream: endsStream) else { return false }
        let upstream = UpstreamStream(
            id: connections.reserve(),
            carrier: .stream(stream, connection),
            place: place,
            parser: ResponseParser(limits: snapshot.limits.messages)
        )
        upstream.isReused = true
        stream.owner = upstream.id.token
        connections.store(.upstream(upstream), at: upstream.id)
        connection.streams.insert(upstream.id)
        connection.deadline.clear()
        makeDue(connection)
        attach(exchange, to: upstream)
        sendBody(of: exchange, upstream)
        return true
    }

    private func sendBody(of exchange: Exchange, _ upstream: UpstreamStream) {
        exchange.sentBodyBytes = 0
        exchange.hasSentRequest = false
        writeBody(of: exchange, to: upstream)
        makeDue(upstream)
    }

    /// Puts as much of the body into the server's output as the mark allows. HTTP/1.1 sends a body that does not fit
    /// beside the head from where it is.
    private func writeBody(of exchange: Exchange, to upstream: UpstreamStream) {
        guard !exchange.hasSentRequest else { return }
        let room = exchange.snapshot.limits.windowBytes - upstream.backlog
        guard upstream.channel == nil || exchange.body.count <= room else { return }
        let end = min(exchange.sentBodyBytes + max(room, 0), exchange.body.count)
        if end > exchange.sentBodyBytes {
            upstream.writeBody(exchange.body.span.extracting(exchange.sentBodyBytes..<end))
            exchange.sentBodyBytes = end
        }
        guard end == exchange.body.count else { return }
        exchange.hasSentRequest = true
        if exchange.bodyLength > 0 { upstream.endBody() }
    }

    private func awaitAddresses(of endpoints: [UpstreamEndpoint], _ exchange: Exchange) {
        let connectBy = startConnecting(exchange)
        park(exchange, .awaitingAddresses, patience: connectBy - clock.milliseconds)
        for endpoint in endpoints { services.names.lookUp(endpoint.published.endpoint.host) }
    }

    /// Takes over the addresses of a host, and goes on with the exchanges that wait for them.
    func adopt(_ found: [SocketAddress], of host: String, problem: String) {
        dropRetired(pool.adopt(found, of: host, problem: problem))
        for exchange in takeParked(where: { $0 == .awaitingAddresses }) {
            forward(exchange)
            if let client = exchange.client { queue(client) }
        }
    }

    func serve(_ upstream: UpstreamStream, _ event: ReadinessEvent) {
        if event.isHangUp { upstream.hasHungUp = true }
        if event.isReadable { upstream.hasUnreadInput = true }
        if event.isWritable, upstream.hasUnsent { flush(upstream) }
        if upstream.hasUnreadInput { receive(upstream) }
    }

    /// Sends what waits.
    func flush(_ upstream: UpstreamStream) {
        switch upstream.carrier {
        case .stream(let stream, let connection):
            connection.session.resume(stream)
            makeDue(connection)
            awaitServer(upstream)
        case .connection(let channel):
            flush(upstream, channel)
        }
    }

    private func flush(_ upstream: UpstreamStream, _ channel: Channel) {
        if let failure = channel.flush() { return broke(upstream, failure) }
        while !upstream.output.isEmpty {
            switch channel.send(upstream.output.span) {
            case .bytes(let count): upstream.output.consume(count)
            case .wouldBlock: return awaitServer(upstream)
            case .failed(let error): return broke(upstream, .socket(error))
            }
        }
        takeBackOutput(of: &upstream.output)
        if let exchange = upstream.exchange, !exchange.hasSentRequest, !exchange.hasResponded,
            case .failed(let error) = sendBody(of: exchange, channel)
        {
            return broke(upstream, .socket(error))
        }
        awaitServer(upstream)
    }

    /// Puts more of the request's body into the output of a stream of HTTP/2; false if there is no more, or no room for it.
    private func refill(_ upstream: UpstreamStream) -> Bool {
        guard let exchange = upstream.exchange, !exchange.hasSentRequest, !exchange.hasResponded,
            upstream.backlog <= snapshot.limits.windowBytes / 2
        else { return false }
        writeBody(of: exchange, to: upstream)
        return true
    }

    /// The server may have answered before it closed: that is received first, and then the end.
    private func broke(_ upstream: UpstreamStream, _ failure: ChannelFailure) {
        if case .socket(let error) = failure { upstream.wasReset = error.code != EPIPE }
        upstream.hasUnreadInput = true
        queue(upstream)
    }

    /// Goes on with a request of HTTP/2 that has moved on.
    func noteSent(_ upstream: UpstreamStream) {
        if refill(upstream) { flush(upstream) } else { awaitServer(upstream) }
    }

    /// Gives the server its time: to take what waits for it, then to answer.
    private func awaitServer(_ upstream: UpstreamStream) {
        guard let exchange = upstream.exchange, !exchange.hasResponded, let route = exchange.route else {
            return
        }
        let timeout =
            upstream.hasUnsent
            ? exchange.snapshot.limits.bodyTimeout : route.upstream.responseTimeout
        upstream.deadline.set(moment(in: timeout, of: exchange), for: upstream.id, in: timers)
    }
}

extension UpstreamStream {
    /// Writes octets of a body whose length the head has told.
    func writeBody(_ octets: borrowing Span<UInt8>) {
        switch carrier {
        case .connection: output.append(octets)
        case .stream(let stream, _): stream.output.append(octets)
        }
    }

    /// Writes the end of a body.
    func endBody() {
        if case .stream(let stream, let connection) = carrier { connection.session.finish(stream) }
    }
}
