// The way to a server: a pooled connection or a new one, and the request onto it.

internal import Bytes
internal import Glibc
internal import HTTP
internal import HTTP1
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
        let idle = takeIdle(for: lease)
        exchange.lease = consume lease
        guard let idle else { return connect(exchange) }
        idle.isReused = true
        idle.sentBefore += idle.sentNow
        idle.sentNow = 0
        idle.deadline.clear()
        attach(exchange, to: idle)
        writeRequest(of: exchange, to: idle)
    }

    private func takeIdle(for lease: borrowing UpstreamLease) -> UpstreamConnection? {
        while let id = pool.takeIdle(for: lease) {
            if let upstream = connections.upstream(id) { return upstream }
        }
        return nil
    }

    private func sendContinue(_ exchange: Exchange) {
        guard let client = exchange.client else { return }
        client.output.append("HTTP/1.1 100 Continue\r\n\r\n")
        flush(client)
    }

    private func attach(_ exchange: Exchange, to upstream: UpstreamConnection) {
        exchange.upstream = upstream
        exchange.phase = .relaying
        upstream.exchange = exchange
    }

    /// Connects to the next address of the exchange's endpoint.
    func connect(_ exchange: Exchange) {
        guard let number = exchange.lease?.endpoint, let client = exchange.client else { return }
        let timeout = snapshot.route(exchange.record.route ?? RouteID(0)).upstream.connectTimeout
        let connectBy = exchange.connectBy ?? clock.milliseconds + timeout
        exchange.connectBy = connectBy
        switch addresses.addresses(of: pool.endpoint(number)) {
        case .unknown:
            park(exchange, .awaitingAddresses, patience: connectBy - clock.milliseconds)
            services.names.lookUp(pool.endpoint(number).host)
        case .failed(let problem):
            services.names.lookUp(pool.endpoint(number).host)
            moveOnOrFail(exchange, GatewayFailure(.nameUnresolved, problem))
        case .known(let addresses):
            connect(exchange, client, endpoint: number, addresses, by: connectBy)
        }
    }

    private func connect(
        _ exchange: Exchange,
        _ client: ClientConnection,
        endpoint: Int,
        _ addresses: [SocketAddress],
        by connectBy: Int
    ) {
        var problem = "no address"
        while exchange.triedAddresses < addresses.count {
            let address = addresses[exchange.triedAddresses]
            exchange.triedAddresses += 1
            do throws(SystemError) {
                let socket = try Socket.connect(to: address)
                let upstream = try open(consume socket, endpoint: endpoint)
                upstream.deadline.set(connectBy, for: upstream.id, in: &timers)
                takeOverRequest(of: exchange, to: upstream)
                return
            } catch {
                problem = "\(address): \(error)"
            }
        }
        moveOnOrFail(exchange, GatewayFailure(.connectFailed, problem))
    }

    /// Tries the next endpoint of the route, or gives up when there is none.
    private func moveOnOrFail(_ exchange: Exchange, _ failure: GatewayFailure) {
        guard exchange.moveOn(in: pool) else { return fail(exchange, failure) }
        connect(exchange)
    }

    private func open(_ socket: consuming Socket, endpoint: Int) throws(SystemError) -> UpstreamConnection {
        let id = connections.reserve()
        let upstream = UpstreamConnection(
            id: id,
            socket: socket,
            endpoint: endpoint,
            parser: ResponseParser(limits: snapshot.limits.messages)
        )
        connections.store(.upstream(upstream), at: id)
        do {
            try poller.watchEdges(upstream.socket.descriptor, token: id.token)
        } catch {
            connections.remove(id)
            throw error
        }
        return upstream
    }

    /// Gives the request to a new connection; the body stands in the output of one that failed, if there was one.
    private func takeOverRequest(of exchange: Exchange, to upstream: UpstreamConnection) {
        let failed = exchange.upstream
        attach(exchange, to: upstream)
        guard let failed else { return writeRequest(of: exchange, to: upstream) }
        writeHead(of: exchange, to: upstream)
        upstream.takeBody(from: failed)
        discard(failed)
    }

    /// Writes the head of the request, and sends it unless a body follows that may come with it.
    private func writeRequest(of exchange: Exchange, to upstream: UpstreamConnection) {
        writeHead(of: exchange, to: upstream)
        if exchange.requestBody.hasEnded {
            endRequest(exchange, upstream)
            flush(upstream)
        } else if let client = exchange.client {
            client.deadline.set(clock.milliseconds + snapshot.limits.bodyTimeout, for: client.id, in: &timers)
        }
    }

    private func writeHead(of exchange: Exchange, to upstream: UpstreamConnection) {
        guard let client = exchange.client, let route = exchange.record.route else { return }
        exchange.requestFraming = exchange.request.framing
        let facts = UpstreamRequest.Facts(
            route: snapshot.route(route),
            endpoint: pool.endpoint(upstream.endpoint),
            framing: exchange.requestFraming,
            clientHost: client.peerHost,
            requestID: exchange.record.requestID,
            continuesTrace: exchange.continuesTrace,
            parent: identifiers.next()
        )
        exchange.appendRequest(facts, to: &upstream.output)
        upstream.headLength = upstream.output.count
        exchange.record.upstreamStart = clock.microseconds
    }

    /// Notes that the whole request is in the server's output.
    func endRequest(_ exchange: Exchange, _ upstream: UpstreamConnection) {
        upstream.output.appendBodyEnd(framing: exchange.requestFraming)
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

    func serve(_ upstream: UpstreamConnection, _ event: ReadinessEvent) {
        if event.isHangUp { upstream.hasHungUp = true }
        if event.isReadable { upstream.hasUnreadInput = true }
        if event.isWritable {
            guard upstream.isConnected || finishConnecting(upstream) else { return }
            if upstream.unsent > 0 { flush(upstream) }
        }
        if upstream.hasUnreadInput { receive(upstream) }
    }

    /// Learns how a connection attempt went; false if it failed.
    private func finishConnecting(_ upstream: UpstreamConnection) -> Bool {
        if let error = upstream.socket.takeError() {
            retryOrFail(upstream, GatewayFailure(.connectFailed, "\(error)"))
            return false
        }
        upstream.isConnected = true
        upstream.acknowledgedAtStart = upstream.socket.acknowledgedBytes
        upstream.deadline.clear()
        return true
    }

    /// Sends what waits, keeping it until the server answers unless it is more than the buffer mark.
    func flush(_ upstream: UpstreamConnection) {
        guard upstream.isConnected else { return }
        while upstream.unsent > 0 {
            switch upstream.socket.send(upstream.output.span.extracting(upstream.sent...)) {
            case .bytes(let count):
                upstream.sent += count
                upstream.sentNow += count
            case .wouldBlock:
                return noteSent(upstream)
            case .failed(let error):
                // The server may have answered before it closed: that is received first, and then the end.
                upstream.wasReset = error.code != EPIPE
                upstream.hasUnreadInput = true
                return queue(upstream)
            }
        }
        noteSent(upstream)
    }

    private func noteSent(_ upstream: UpstreamConnection) {
        guard let exchange = upstream.exchange, let client = exchange.client else { return }
        if upstream.output.count > snapshot.limits.bufferBytes || exchange.hasResponded {
            upstream.releaseSent()
        }
        if !exchange.hasResponded { awaitServer(upstream, exchange) }
        let wantsMore = !exchange.requestBody.hasEnded && upstream.unsent < snapshot.limits.bufferBytes / 2
        if wantsMore, client.hasUnreadInput || !client.pending.isEmpty { queue(client) }
    }

    /// Gives the server its time: to take what waits for it, then to answer.
    private func awaitServer(_ upstream: UpstreamConnection, _ exchange: Exchange) {
        guard upstream.unsent > 0 || exchange.hasSentRequest, let route = exchange.record.route else {
            return upstream.deadline.clear()
        }
        let timeout =
            upstream.unsent > 0
            ? snapshot.limits.bodyTimeout : snapshot.route(route).upstream.responseTimeout
        upstream.deadline.set(clock.milliseconds + timeout, for: upstream.id, in: &timers)
    }
}
