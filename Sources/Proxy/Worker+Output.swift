// Sends to clients, ends connections, and lets the other side go on when there is room again.

internal import Bytes
internal import HTTP1
internal import HTTP2
internal import Policy
internal import Transport

extension Worker {
    /// Most bytes that are read and thrown away before a connection closes.
    static let lingerBytes = 1024 * 1024
    /// Milliseconds that an idle connection has for a last request when draining begins.
    static let lastRequestTime = 1000

    /// Sends what waits for a client; whoever was paused for it goes on when half of the mark is left.
    func flush(_ client: ClientStream) {
        if case .closed = client.state { return }
        switch client.carrier {
        case .stream(let stream, let connection):
            connection.session.resume(stream)
            makeDue(connection)
            noteSent(client)
        case .connection(let channel):
            guard sendAll(client, channel) else { return left(client) }
            if client.isFlushed {
                if client.closesAfterOutput { return finishClosing(client, channel) }
                takeBackOutput(of: &client.output)
            }
            noteSent(client)
            if canGoOn(client) { queue(client) }
        }
    }

    /// Sends until everything is gone or the kernel has no room; false if the connection is dead.
    private func sendAll(_ client: ClientStream, _ channel: Channel) -> Bool {
        guard channel.flush() == nil else { return false }
        while !client.output.isEmpty {
            switch channel.send(client.output.span) {
            case .bytes(let count): client.output.consume(count)
            case .wouldBlock: return true
            case .failed: return false
            }
        }
        return true
    }

    /// Gives the client its time for reading, and the server its turn.
    func noteSent(_ client: ClientStream) {
        if !client.isFlushed {
            let moment = moment(in: snapshot.limits.bodyTimeout, of: client.exchange)
            client.deadline.set(moment, for: client.id, in: timers)
        } else if let exchange = client.exchange, exchange.phase == .relaying, exchange.requestBody.hasEnded {
            // The deadline was that of reading the answer: nothing else is waited for.
            client.deadline.clear()
        }
        if client.exchange == nil, client.isFlushed { letGo(client) }
        resumeUpstream(of: client)
    }

    /// Sends what the kernel takes at once, of an answer that is about to be cut off.
    func flushOnce(_ client: ClientStream) {
        if let channel = client.channel { _ = sendAll(client, channel) }
    }

    private func resumeUpstream(of client: ClientStream) {
        guard let exchange = client.exchange, let upstream = exchange.upstream else { return }
        openWindow(of: upstream, heldBack: client.backlog)
        guard upstream.isPaused, client.backlog <= backlogMark(of: client) / 2 else { return }
        upstream.isPaused = false
        noteResponseProgress(upstream, exchange)
        queue(upstream)
    }

    /// Closes a connection whose last answer is sent; one with unread input lingers until the peer has read it.
    private func finishClosing(_ client: ClientStream, _ channel: Channel) {
        // What came behind a last request is not answered, and must not turn the end into a reset either.
        if case .reading = client.state, !client.pending.isEmpty {
            client.pending.release()
            client.state = .lingering(left: Self.lingerBytes)
        }
        guard case .lingering = client.state else { return close(client) }
        client.closesAfterOutput = false
        channel.shutDownSending()
        client.deadline.set(clock.milliseconds + Self.lingerTime, for: client.id, in: timers)
    }

    /// Closes the connection of a client, or a stream on one; `code` says why, where HTTP/2 can say it.
    func close(_ client: ClientStream, code: UInt32 = HTTP2ErrorCode.internalError) {
        client.state = .closed
        letGo(client)
        switch client.carrier {
        case .connection(let channel): channel.sayEnd()
        case .stream(let stream, let connection):
            connection.session.reset(stream, code: code)
            leave(connection, client.id, uncredited: client.uncredited)
            client.uncredited = 0
        }
        connections.remove(client.id)
    }

    /// Stops accepting, and closes what is idle; exchanges end their connections when they end.
    ///
    /// - Parameter isHandedOver: Whether the next process has the sockets. Nobody waits for the end of this one then:
    ///   an idle connection keeps its time, which makes it unlikely that it closes while a request is on its way.
    func drain(isHandedOver: Bool) {
        guard !isDraining else { return }
        for gate in gates { takeLastConnections(at: gate) }
        unwatchGates()
        gates = []
        acceptsAgainAt = nil
        isDraining = true
        givesIdleTime = isHandedOver
        for occupant in connections.all {
            switch occupant {
            case .client(let client):
                if case .reading = client.state, !client.hasPartialHead { giveLastRequest(client) }
            case .http2(let connection):
                if case .client = connection.peer { announceEnd(of: connection) }
            case .arrival(let arrival): giveLastRequest(arrival)
            case .vacant, .opening, .upstream: break
            }
        }
    }

    /// Gives an idle connection a moment for a request that may be on its way: closing now would lose it. Its answer
    /// closes the connection.
    func giveLastRequest(_ client: ClientStream) {
        guard !givesIdleTime else { return }
        client.deadline.set(clock.milliseconds + Self.lastRequestTime, for: client.id, in: timers)
    }

    /// The same for a connection that may stay silent for as long as an idle one. The others are in the middle of
    /// their first octets, which has a time of its own.
    private func giveLastRequest(_ arrival: Arrival) {
        guard !givesIdleTime, isSilenceAllowed(on: arrival), arrival.pending.isEmpty else { return }
        arrival.deadline.set(clock.milliseconds + Self.lastRequestTime, for: arrival.id, in: timers)
    }

    /// Ends all exchanges, for the end of the process.
    func closeEverything() {
        for case .client(let client) in connections.all {
            guard let exchange = client.exchange else { continue }
            exchange.record.reason = .failure(.draining)
            log(exchange)
            close(client)
        }
    }
}
