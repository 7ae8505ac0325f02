// The way to a server: a pooled connection or a new one, and the request onto it.

internal import Bytes
internal import Glibc
internal import HTTP
internal import HTTP1
internal import HTTP2
internal import Policy
internal import Transport

extension Worker {
    /// Spends the permit of an exchange for a place at its server, and sends the request there.
    func forward(_ exchange: Exchange) {
        // The client may prove to be gone, and with it the exchange and its permit.
        if exchange.request.expectsContinue { sendContinue(exchange) }
        guard let permit = exchange.permit.take() else { return }
        let lease = pool.checkOut(permit)
        exchange.record.endpoint = pool.endpoint(lease.endpoint).name
        exchange.lease = consume lease
        guard !placeOnShared(exchange) else { return }
        guard let idle = takeIdle(for: exchange) else { return connect(exchange) }
        idle.isReused = true
        idle.sentBefore = idle.channel?.sentOctets ?? 0
        idle.deadline.clear()
        place(exchange, on: idle)
    }

    private func takeIdle(for exchange: Exchange) -> UpstreamStream? {
        while let id = exchange.lease?.takeIdle(from: &pool) {
            if let upstream = connections.upstream(id) { return upstream }
        }
        return nil
    }

    /// Places the request on a connection of HTTP/2 that has room for it; false if there is none.
    private func placeOnShared(_ exchange: Exchange) -> Bool {
        for id in exchange.lease?.shared(in: pool) ?? [] {
            guard let connection = connections.http2(id), !connection.isEnding else { continue }
            if place(exchange, on: connection) { return true }
        }
        return false
    }

    private func sendContinue(_ exchange: Exchange) {
        guard let client = exchange.client else { return }
        client.writeContinue(using: &fields)
        flush(client)
    }

    private func attach(_ exchange: Exchange, to upstream: UpstreamStream) {
        exchange.upstream = upstream
        exchange.phase = .relaying
        exchange.record.upstreamStart = clock.microseconds
        upstream.exchange = exchange
    }

    private func requestFacts(of exchange: Exchange, at endpoint: Int) -> UpstreamRequest.Facts? {
        guard let client = exchange.client, let route = exchange.record.route,
            let subpath = exchange.lease?.permit.subpath
        else { return nil }
        return UpstreamRequest.Facts(
            route: snapshot.route(route),
            endpoint: pool.endpoint(endpoint),
            framing: exchange.requestFraming,
            clientHost: client.origin.host,
            requestID: exchange.record.requestID,
            continuesTrace: exchange.continuesTrace,
            parent: identifiers.next(),
            subpath: subpath
        )
    }

    /// Gives the request to a connection of HTTP/1.1 that has nothing else to do.
    func place(_ exchange: Exchange, on upstream: UpstreamStream) {
        exchange.requestFraming = exchange.request.framing
        guard let facts = requestFacts(of: exchange, at: upstream.endpoint) else { return }
        attach(exchange, to: upstream)
        UpstreamRequest.append(exchange.request, facts: facts, to: &upstream.output)
        sendBody(of: exchange, upstream)
    }

    /// Gives the request to a stream of its own; false if the server allows no more of them.
    func place(_ exchange: Exchange, on connection: HTTP2Connection) -> Bool {
        guard connection.session.canOpenStream, case .server(let endpoint) = connection.peer else {
            return false
        }
        exchange.requestFraming = exchange.request.framing
        guard let facts = requestFacts(of: exchange, at: endpoint) else { return false }
        let endsStream = exchange.requestBody.hasEnded && exchange.requestBodyBytes == 0
        fields.removeAll()
        UpstreamRequest.append(exchange.request, facts: facts, to: &fields)
        guard let stream = connection.session.request(fields, endsStream: endsStream) else { return false }
        let upstream = UpstreamStream(
            id: connections.reserve(),
            carrier: .stream(stream, connection),
            endpoint: endpoint,
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

    /// Sends what is there of the request, unless more of it follows that may come with the head.
    private func sendBody(of exchange: Exchange, _ upstream: UpstreamStream) {
        if !exchange.replay.isEmpty {
            upstream.writeBody(exchange.replay.span, framing: exchange.requestFraming)
        }
        if exchange.requestBody.hasEnded {
            endRequest(exchange, upstream)
            flush(upstream)
        } else if let client = exchange.client {
            client.deadline.set(clock.milliseconds + snapshot.limits.bodyTimeout, for: client.id, in: &timers)
        }
    }

    /// Notes that the whole request is in the server's output.
    func endRequest(_ exchange: Exchange, _ upstream: UpstreamStream) {
        upstream.endBody(framing: exchange.requestFraming)
        exchange.hasSentRequest = true
        exchange.client?.deadline.clear()
    }

    /// Takes over the addresses of a host, and goes on with the exchanges that wait for them.
    func adopt(_ found: [SocketAddress], of host: String, problem: String) {
        addresses.enter(found, for: host, problem: problem)
        for exchange in takeParked(where: { $0 == .awaitingAddresses }) {
            connect(exchange)
            if let client = exchange.client { queue(client) }
        }
    }

    func serve(_ upstream: UpstreamStream, _ event: ReadinessEvent) {
        if event.isHangUp { upstream.hasHungUp = true }
        if event.isReadable { upstream.hasUnreadInput = true }
        if event.isWritable, upstream.backlog > 0 || upstream.channel?.hasUnsent == true { flush(upstream) }
        if upstream.hasUnreadInput { receive(upstream) }
    }

    /// Sends what waits.
    func flush(_ upstream: UpstreamStream) {
        switch upstream.carrier {
        case .stream(let stream, let connection):
            connection.session.resume(stream)
            makeDue(connection)
            noteSent(upstream)
        case .connection(let channel):
            flush(upstream, channel)
        }
    }

    private func flush(_ upstream: UpstreamStream, _ channel: Channel) {
        if let failure = channel.flush() { return broke(upstream, failure) }
        while !upstream.output.isEmpty {
            switch channel.send(upstream.output.span) {
            case .bytes(let count): upstream.output.consume(count)
            case .wouldBlock: return noteSent(upstream)
            case .failed(let error): return broke(upstream, .socket(error))
            }
        }
        noteSent(upstream)
    }

    /// The server may have answered before it closed: that is received first, and then the end.
    private func broke(_ upstream: UpstreamStream, _ failure: ChannelFailure) {
        if case .socket(let error) = failure { upstream.wasReset = error.code != EPIPE }
        upstream.hasUnreadInput = true
        queue(upstream)
    }

    /// Goes on with both sides of an exchange whose request has moved on.
    func noteSent(_ upstream: UpstreamStream) {
        guard let exchange = upstream.exchange, let client = exchange.client else { return }
        if upstream.output.isEmpty, upstream.output.capacity > 0, exchange.requestBody.hasEnded {
            upstream.output.release()
        }
        if !exchange.hasResponded { awaitServer(upstream, exchange) }
        openWindow(of: client, heldBack: upstream.backlog)
        let wantsMore =
            !exchange.requestBody.hasEnded && upstream.backlog < snapshot.limits.bufferBytes / 2
        if wantsMore, client.hasUnreadInput || !client.pending.isEmpty { queue(client) }
    }

    /// Gives the server its time: to take what waits for it, then to answer.
    private func awaitServer(_ upstream: UpstreamStream, _ exchange: Exchange) {
        guard upstream.backlog > 0 || exchange.hasSentRequest, let route = exchange.record.route else {
            return upstream.deadline.clear()
        }
        let timeout =
            upstream.backlog > 0
            ? snapshot.limits.bodyTimeout : snapshot.route(route).upstream.responseTimeout
        upstream.deadline.set(clock.milliseconds + timeout, for: upstream.id, in: &timers)
    }
}

extension UpstreamStream {
    /// Writes octets of a body.
    func writeBody(_ octets: borrowing Span<UInt8>, framing: BodyFraming) {
        switch carrier {
        case .connection: output.appendBody(octets, framing: framing)
        case .stream(let stream, _): stream.output.append(octets)
        }
    }

    /// Writes the end of a body.
    func endBody(framing: BodyFraming) {
        switch carrier {
        case .connection: output.appendBodyEnd(framing: framing)
        case .stream(let stream, let connection): connection.session.finish(stream)
        }
    }
}
