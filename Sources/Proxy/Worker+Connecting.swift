// New connections to servers: addresses one after the other, TCP, TLS, and which version of HTTP it will be.

internal import Bytes
internal import HTTP1
internal import HTTP2
internal import OpenSSL
internal import Policy
internal import Transport

extension Worker {
    /// Connects to the next address of the exchange's endpoint; `failure` says why that is needed, if it is not the first.
    func connect(_ exchange: Exchange, after failure: GatewayFailure? = nil) {
        guard let place = exchange.lease?.place, let client = exchange.client else { return }
        let timeout = exchange.route?.upstream.connectTimeout ?? 0
        let connectBy = exchange.connectBy ?? clock.milliseconds + timeout
        exchange.connectBy = connectBy
        if let opening = place.opening.flatMap({ connections.opening($0) }) {
            return letWait(exchange, client, for: opening)
        }
        switch addresses.addresses(of: place.endpoint) {
        case .unknown:
            park(exchange, .awaitingAddresses, patience: connectBy - clock.milliseconds)
            services.names.lookUp(place.endpoint.host)
        case .failed(let problem):
            services.names.lookUp(place.endpoint.host)
            moveOnOrFail(exchange, GatewayFailure(.nameUnresolved, problem))
        case .known(let addresses):
            connect(exchange, client, addresses, by: connectBy, after: failure)
        }
    }

    private func connect(
        _ exchange: Exchange,
        _ client: ClientStream,
        _ addresses: [SocketAddress],
        by connectBy: Int,
        after failure: GatewayFailure?
    ) {
        guard let place = exchange.lease?.place else { return }
        var failure = failure ?? GatewayFailure(.connectFailed, "no address")
        while exchange.triedAddresses < addresses.count {
            let address = addresses[exchange.triedAddresses]
            exchange.triedAddresses += 1
            do throws(GatewayFailure) {
                let opening = try open(address, at: place)
                opening.deadline.set(connectBy, for: opening.id, in: &timers)
                letWait(exchange, client, for: opening)
                return
            } catch {
                failure = error
            }
        }
        moveOnOrFail(exchange, failure)
    }

    private func letWait(_ exchange: Exchange, _ client: ClientStream, for opening: UpstreamOpening) {
        exchange.phase = .connecting
        exchange.opening = opening
        opening.waiting.append(client.id)
    }

    /// Tries the next endpoint of the route, or gives up when there is none.
    private func moveOnOrFail(_ exchange: Exchange, _ failure: GatewayFailure) {
        guard exchange.moveOn(in: pool) else { return fail(exchange, failure) }
        connect(exchange)
    }

    private func open(_ address: SocketAddress, at place: UpstreamPlace) throws(GatewayFailure)
        -> UpstreamOpening
    {
        guard makeRoomForServer() else {
            throw GatewayFailure(.overloaded, "too many connections to servers")
        }
        let id = connections.reserve()
        do throws(SystemError) {
            let socket = try Socket.connect(to: address)
            let opening = UpstreamOpening(
                id: id,
                channel: Channel(socket, tls: try tlsSession(for: place), memory: ciphertext),
                place: place,
                wantsHTTP2: place.wantsHTTP2
            )
            connections.store(.opening(opening), at: id)
            try poller.watchEdges(opening.channel.socket.descriptor, token: id.token)
            if opening.wantsHTTP2 { place.note(opening: id) }
            return opening
        } catch {
            connections.remove(id)
            throw GatewayFailure(.connectFailed, "\(address): \(error)")
        }
    }

    private func tlsSession(for place: UpstreamPlace) throws(SystemError) -> TLSSession? {
        guard place.endpoint.isSecure else { return nil }
        guard let tls = place.tls else { throw SystemError.tlsBroken }
        let name = tls.serverName ?? place.endpoint.host
        do throws(OpenSSLError) {
            return try tls.context.makeSession(serverName: name, resuming: place.resumption)
        } catch {
            throw SystemError.tlsBroken
        }
    }

    func serve(_ opening: UpstreamOpening, _ event: ReadinessEvent) {
        if event.isWritable {
            guard opening.isConnected || finishConnecting(opening) else { return }
            if let failure = opening.channel.flush() ?? sendFrames(opening) {
                return failed(opening, failure)
            }
        }
        guard opening.isConnected, event.isReadable else { return }
        withInput { receive(opening, into: &$0) }
    }

    /// Learns how TCP went, and starts TLS; false if the attempt is over or needs no more.
    private func finishConnecting(_ opening: UpstreamOpening) -> Bool {
        if let error = opening.channel.socket.takeError() {
            over(opening, GatewayFailure(.connectFailed, "\(error)"))
            return false
        }
        opening.isConnected = true
        opening.acknowledgedAtStart = opening.channel.socket.acknowledgedBytes
        if let failure = opening.channel.start() {
            failed(opening, failure)
            return false
        }
        guard opening.channel.isEstablished else { return true }
        // Without TLS there is nothing to wait for, but the settings of a server that speaks HTTP/2.
        return !established(opening, Span())
    }

    private func receive(_ opening: UpstreamOpening, into input: inout ByteBuffer) {
        while true {
            input.removeAll()
            switch opening.channel.receive(into: &input, room: Self.receiveSize) {
            case .bytes(let isDrained):
                if opening.channel.isEstablished, established(opening, input.span) { return }
                if isDrained { return }
            case .wouldBlock: return
            case .end: return failed(opening, .truncated)
            case .failed(let failure): return failed(opening, failure)
            }
        }
    }

    /// Goes on with a connection that is established; true once it is no attempt any more.
    private func established(_ opening: UpstreamOpening, _ input: borrowing Span<UInt8>) -> Bool {
        let channel = opening.channel
        guard opening.wantsHTTP2, !channel.isSecure || channel.applicationProtocol == .http2 else {
            openedHTTP1(opening, takeWaiting(opening), input)
            return true
        }
        let session = opening.session ?? HTTP2Session(role: .client, limits: http2Limits)
        opening.session = session
        var offset = 0
        do throws(HTTP2Failure) {
            while try session.next(input, at: &offset, now: clock.milliseconds) != nil {}
        } catch {
            over(opening, GatewayFailure(.upstreamMalformed, "HTTP/2: \(error)"))
            return true
        }
        if let failure = sendFrames(opening) {
            failed(opening, failure)
            return true
        }
        guard session.hasPeerSettings else { return false }
        openedHTTP2(opening, session, takeWaiting(opening))
        return true
    }

    /// Sends what a session has to say before its first request.
    private func sendFrames(_ opening: UpstreamOpening) -> ChannelFailure? {
        opening.session?.write(into: &opening.output, upTo: Self.receiveSize)
        while !opening.output.isEmpty {
            switch opening.channel.send(opening.output.span) {
            case .bytes(let count): opening.output.consume(count)
            case .wouldBlock: return nil
            case .failed(let error): return .socket(error)
            }
        }
        return nil
    }

    private func failed(_ opening: UpstreamOpening, _ failure: ChannelFailure) {
        let reason: FailureReason =
            if case .socket = failure, !opening.channel.isSecure { .connectFailed } else { .upstreamTLS }
        over(opening, GatewayFailure(reason, failure.detail))
    }

    /// The time of a connection attempt has run out.
    func expire(_ opening: UpstreamOpening) {
        for exchange in takeWaiting(opening) { fail(exchange, GatewayFailure(.connectTimeout)) }
        connections.remove(opening.id)
    }

    /// A connection attempt has failed: those that wait for it try the next address.
    private func over(_ opening: UpstreamOpening, _ failure: GatewayFailure) {
        let exchanges = takeWaiting(opening)
        connections.remove(opening.id)
        let tried = exchanges.first?.triedAddresses ?? 0
        for exchange in exchanges {
            exchange.triedAddresses = max(tried, exchange.triedAddresses)
            connect(exchange, after: failure)
        }
    }

    /// Ends the wait of all who wait for `opening`.
    private func takeWaiting(_ opening: UpstreamOpening) -> [Exchange] {
        opening.place.forget(opening: opening.id)
        defer { opening.waiting = [] }
        return opening.waiting.compactMap { id in
            guard let exchange = connections.client(id)?.exchange, exchange.opening === opening else {
                return nil
            }
            exchange.opening = nil
            return exchange
        }
    }

    /// Ends the wait of one exchange. An attempt that nobody waits for ends, unless others may come to share it.
    func stopWaiting(_ exchange: Exchange) {
        guard let opening = exchange.opening else { return }
        exchange.opening = nil
        opening.waiting.removeAll { $0 == exchange.client?.id }
        if opening.waiting.isEmpty, !opening.wantsHTTP2 { connections.remove(opening.id) }
    }

    private func openedHTTP1(
        _ opening: UpstreamOpening,
        _ exchanges: [Exchange],
        _ input: borrowing Span<UInt8>
    ) {
        if opening.wantsHTTP2 { opening.place.refusesHTTP2 = true }
        let upstream = UpstreamStream(
            id: opening.id,
            carrier: .connection(opening.channel),
            place: opening.place,
            parser: ResponseParser(limits: snapshot.limits.messages)
        )
        upstream.acknowledgedAtStart = opening.acknowledgedAtStart
        upstream.sentBefore = opening.channel.sentOctets
        upstream.deadline = opening.deadline
        upstream.deadline.clear()
        upstream.pending.append(input)
        upstream.hasUnreadInput = true
        connections.store(.upstream(upstream), at: upstream.id)
        guard let first = exchanges.first else { return keep(upstream) }
        place(first, on: upstream)
        if let client = first.client { queue(client) }
        for exchange in exchanges.dropFirst() { connect(exchange) }
    }

    private func openedHTTP2(
        _ opening: UpstreamOpening,
        _ session: HTTP2Session,
        _ exchanges: [Exchange]
    ) {
        let connection = HTTP2Connection(
            id: opening.id,
            channel: opening.channel,
            session: session,
            peer: .server(opening.place)
        )
        swap(&connection.output, &opening.output)
        connection.hasUnreadInput = true
        connection.deadline = opening.deadline
        connection.deadline.clear()
        connections.store(.http2(connection), at: connection.id)
        opening.place.note(connection: connection.id)
        queue(connection)
        makeDue(connection)
        for exchange in exchanges {
            if !place(exchange, on: connection) { connect(exchange) }
            if let client = exchange.client { queue(client) }
        }
        if opening.place.isRetired { endWhenIdle(connection) }
    }
}
