// The first octets of a connection: the PROXY protocol, the TLS handshake, and then HTTP/1.1 or HTTP/2.

internal import Bytes
internal import HTTP1
internal import HTTP2
internal import Logging
internal import OpenSSL
internal import Policy
internal import Transport

extension Worker {
    func serve(_ arrival: Arrival, _ event: ReadinessEvent) {
        if event.isHangUp { arrival.hasHungUp = true }
        if event.isWritable, let failure = arrival.channel.flush() {
            return turnAway(arrival, failure.refusal, failure.detail)
        }
        guard event.isReadable, !arrival.awaitsProxyHeader || readProxyHeader(arrival) else { return }
        withInput { receive(arrival, into: &$0) }
    }

    /// Reads the header of the PROXY protocol; false if its end has not arrived or the connection is over.
    ///
    /// What follows the header is TLS's, so that no octet more than the header may leave the socket.
    private func readProxyHeader(_ arrival: Arrival) -> Bool {
        var header = ByteBuffer()
        switch arrival.channel.socket.receive(into: &header, room: ProxyHeader.maximumLength, isPeek: true) {
        case .bytes: break
        case .wouldBlock: return false
        case .end, .failed:
            discard(arrival)
            return false
        }
        do throws(ProxyHeaderError) {
            guard let (found, length) = try ProxyHeader.parse(header.span) else {
                if arrival.hasHungUp { discard(arrival) }
                return false
            }
            header.removeAll()
            _ = arrival.channel.socket.receive(into: &header, room: length)
            arrival.awaitsProxyHeader = false
            guard case .client(let address) = found else { return true }
            arrival.peer = address
            return enter(arrival)
        } catch {
            turnAway(arrival, .proxyProtocol, "PROXY protocol: \(error)")
            return false
        }
    }

    /// Takes a connection in of which a proxy has told who the client is; false if it may not be.
    private func enter(_ arrival: Arrival) -> Bool {
        do throws(AddressRefusal) {
            arrival.channel.place = try enter(arrival.peer, at: arrival.listener)
            return true
        } catch {
            connections.remove(arrival.id)
            return false
        }
    }

    private func receive(_ arrival: Arrival, into input: inout ByteBuffer) {
        while connections.isPresent(arrival.id) {
            input.removeAll()
            takeOver(&arrival.pending, into: &input)
            let channel = arrival.channel
            switch channel.receive(into: &input, room: Self.receiveSize) {
            case .bytes(let isDrained):
                if channel.isEstablished, settle(arrival, input.span) { return }
                arrival.pending.append(input.span)
                if isDrained, !arrival.hasHungUp { return }
            case .wouldBlock:
                return arrival.pending.append(input.span)
            case .end:
                return discard(arrival)
            case .failed(let failure):
                return turnAway(arrival, failure.refusal, failure.detail)
            }
        }
    }

    /// Makes the connection one of the version that it speaks; false if that cannot be told yet.
    private func settle(_ arrival: Arrival, _ input: borrowing Span<UInt8>) -> Bool {
        let channel = arrival.channel
        if channel.isSecure {
            countHandshake(on: channel, isClient: true)
            // A handshake that is done gives the client the time of an idle connection.
            if channel.applicationProtocol == .http2 {
                becomeHTTP2(arrival, input)
            } else {
                becomeHTTP1(arrival, input)
            }
            return true
        }
        guard !input.isEmpty else { return false }
        switch HTTP2Preface.match(input) {
        case .matches: becomeHTTP2(arrival, input)
        case .differs: becomeHTTP1(arrival, input)
        case .prefix:
            // Now octets are awaited, and not for as long as an idle connection may wait.
            arrival.deadline.set(
                clock.milliseconds + snapshot.limits.headerTimeout,
                for: arrival.id,
                in: timers
            )
            return false
        }
        return true
    }

    private func origin(of arrival: Arrival) -> ClientOrigin {
        ClientOrigin(
            peer: arrival.peer,
            listener: arrival.listener,
            certificateDigest: arrival.channel.peerCertificateDigest
        )
    }

    private func becomeHTTP1(_ arrival: Arrival, _ input: borrowing Span<UInt8>) {
        let client = ClientStream(
            id: arrival.id,
            carrier: .connection(arrival.channel),
            origin: origin(of: arrival),
            parser: RequestParser(limits: snapshot.limits.messages)
        )
        client.hasHungUp = arrival.hasHungUp
        client.hasUnreadInput = true
        client.deadline = arrival.deadline
        client.deadline.set(clock.milliseconds + snapshot.limits.idleTimeout, for: client.id, in: timers)
        connections.store(.client(client), at: client.id)
        if isDraining { giveLastRequest(client) }
        begin(client, with: input)
    }

    private func becomeHTTP2(_ arrival: Arrival, _ input: borrowing Span<UInt8>) {
        let connection = HTTP2Connection(
            id: arrival.id,
            channel: arrival.channel,
            session: HTTP2Session(role: .server, limits: http2Limits),
            peer: .client(origin(of: arrival))
        )
        connection.hasHungUp = arrival.hasHungUp
        connection.deadline = arrival.deadline
        connection.deadline.set(
            clock.milliseconds + snapshot.limits.idleTimeout,
            for: connection.id,
            in: timers
        )
        connections.store(.http2(connection), at: connection.id)
        if isDraining { announceEnd(of: connection) }
        begin(connection, with: input)
    }

    /// Ends a connection that could not be made, and says why.
    private func turnAway(_ arrival: Arrival, _ refusal: ConnectionRefusal, _ why: String) {
        counters.count(refusal)
        services.logger.info(
            "A connection was turned away.",
            metadata: [
                "client": "\(arrival.peer.host)", "listener": "\(arrival.listener.address)",
                "reason": "\(why)",
            ]
        )
        connections.remove(arrival.id)
    }

    /// Ends a connection that has said nothing yet, or whose time has run out.
    func discard(_ arrival: Arrival) {
        guard isSilenceAllowed(on: arrival) || arrival.hasHungUp else {
            return turnAway(arrival, .timeout, "timeout")
        }
        connections.remove(arrival.id)
    }
}
