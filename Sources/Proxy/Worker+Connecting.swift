// New connections to servers: TCP, TLS, and which version of HTTP it will be.

internal import Bytes
internal import HTTP1
internal import HTTP2
internal import OpenSSL
internal import Policy
internal import Transport

extension Worker {
    /// Most places that one request tries.
    private static let maximumTries = 16

    /// Connects to the place of an exchange; `slot` is what the exchange has waited for, if it had to wait.
    func connect(_ exchange: Exchange, with slot: EndpointSlot? = nil) {
        guard let place = exchange.lease?.place, let client = exchange.client else { return }
        if let opening = place.opening.flatMap({ connections.opening($0) }) {
            return letWait(exchange, client, for: opening)
        }
        let connectBy = startConnecting(exchange)
        var slot = slot
        if slot == nil, let slots = place.published.connectionSlots {
            slot = slots.take()
            guard slot != nil else { return awaitConnection(exchange, client, slots) }
        }
        do throws(GatewayFailure) {
            let opening = try open(place, slot)
            // A place that does not answer leaves time for another one.
            let left = connectBy - clock.milliseconds
            let patience = exchange.hasAlternatives ? left / 2 : left
            opening.deadline.set(clock.milliseconds + patience, for: opening.id, in: timers)
            letWait(exchange, client, for: opening)
        } catch {
            // That is no fault of the place.
            guard error.reason != .overloaded else { return fail(exchange, error) }
            countFailure(at: place.tally)
            noteFailure(error, at: place)
            moveOn(exchange, after: error)
        }
    }

    /// When connecting must be done; the time begins with the first call.
    func startConnecting(_ exchange: Exchange) -> Int {
        let timeout = exchange.route?.upstream.connectTimeout ?? 0
        let connectBy = exchange.connectBy ?? clock.milliseconds + timeout
        exchange.connectBy = connectBy
        return connectBy
    }

    private func letWait(_ exchange: Exchange, _ client: ClientStream, for opening: UpstreamOpening) {
        exchange.phase = .connecting
        exchange.opening = opening
        opening.waiting.append(client.id)
    }

    /// Tries another place, for a request of which the one that failed has surely taken nothing.
    func moveOn(_ exchange: Exchange, after failure: GatewayFailure) {
        guard let lease = exchange.lease.take() else { return }
        exchange.triedPlaces.append(lease.place)
        exchange.permit = lease.surrender()
        guard exchange.triedPlaces.count < Self.maximumTries, startConnecting(exchange) > clock.milliseconds
        else { return fail(exchange, failure) }
        forward(exchange, after: failure)
    }

    private func open(_ place: UpstreamPlace, _ slot: EndpointSlot?) throws(GatewayFailure)
        -> UpstreamOpening
    {
        guard makeRoomForServer() else {
            throw GatewayFailure(.overloaded, "too many connections to servers")
        }
        let id = connections.reserve()
        do throws(SystemError) {
            let socket = try Socket.connect(to: place.address)
            let opening = UpstreamOpening(
                id: id,
                channel: Channel(socket, tls: try tlsSession(for: place), memory: ciphertext),
                place: place,
                wantsHTTP2: place.wantsHTTP2
            )
            opening.channel.slot = slot
            connections.store(.opening(opening), at: id)
            try poller.watchEdges(opening.channel.socket.descriptor, token: id.token)
            if opening.wantsHTTP2 { place.note(opening: id) }
            return opening
        } catch {
            connections.remove(id)
            throw GatewayFailure(.connectFailed, "\(place.address): \(error)")
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
        if reason == .upstreamTLS { counters.totals.upstreamTLSFailures += 1 }
        over(opening, GatewayFailure(reason, failure.detail))
    }

    /// The time of a connection attempt has run out.
    func expire(_ opening: UpstreamOpening) {
        over(opening, GatewayFailure(.connectTimeout, "\(opening.place.address)"))
    }

    /// A connection attempt has failed: those that wait for it try another place.
    private func over(_ opening: UpstreamOpening, _ failure: GatewayFailure) {
        let exchanges = takeWaiting(opening)
        countFailure(at: opening.place.tally)
        connections.remove(opening.id)
        opening.channel.slot = nil
        noteFailure(failure, at: opening.place)
        for exchange in exchanges {
            let client = exchange.client
            moveOn(exchange, after: failure)
            if let client { queue(client) }
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
        countConnection(opening)
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
        countConnection(opening)
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
        if opening.place.isRetired { endWhenIdle(connection) } else { serveAwaiting(opening.place) }
    }
}
