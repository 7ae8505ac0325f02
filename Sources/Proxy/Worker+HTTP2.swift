// Connections of HTTP/2 as a whole: octets in, frames out, windows, and how they end.

internal import Bytes
internal import HTTP
internal import HTTP2
internal import Logging
internal import Policy
internal import Transport

extension Worker {
    /// Frames that wait for the kernel before no more are made.
    private static let outputMark = 64 * 1024

    /// What every connection of HTTP/2 is held to.
    var http2Limits: HTTP2Limits {
        let limits = snapshot.limits
        var http2 = limits.http2
        http2.messages = limits.messages
        http2.streamWindow = limits.windowBytes
        http2.connectionWindow = 16 * limits.windowBytes
        return http2
    }

    /// Begins to serve a connection, of which `input` has arrived already.
    func begin(_ connection: HTTP2Connection, with input: borrowing Span<UInt8>) {
        guard process(input, connection) else { return }
        connection.hasUnreadInput = true
        queue(connection)
    }

    func serve(_ connection: HTTP2Connection, _ event: ReadinessEvent) {
        if event.isHangUp { connection.hasHungUp = true }
        if event.isReadable { connection.hasUnreadInput = true }
        if event.isWritable, !connection.isFlushed { makeDue(connection) }
        if connection.hasUnreadInput { receive(connection) }
    }

    /// Receives for as long as the peer takes what it is sent.
    func receive(_ connection: HTTP2Connection) {
        withInput { receive(connection, into: &$0) }
    }

    private func receive(_ connection: HTTP2Connection, into input: inout ByteBuffer) {
        var turn = Turn()
        while connections.http2(connection.id) != nil, connection.hasUnreadInput {
            // A peer that does not read what its own frames cause is not read either.
            guard connection.output.count < Self.outputMark else { return }
            guard turn.mayReceive() else { return queue(connection) }
            input.removeAll()
            switch connection.channel.receive(into: &input, room: Self.receiveSize / 2) {
            case .bytes(let isDrained):
                guard process(input.span, connection) else { return }
                if isDrained, !connection.hasHungUp { connection.hasUnreadInput = false }
            case .wouldBlock:
                connection.hasUnreadInput = false
            case .end:
                return lost(connection, "closed")
            case .failed(let failure):
                return lost(connection, failure.detail)
            }
        }
    }

    /// Takes the frames of `input` apart and does what they ask for; false if the connection is over.
    private func process(_ input: borrowing Span<UInt8>, _ connection: HTTP2Connection) -> Bool {
        guard takeEvents(of: input, connection) else { return false }
        awaitHead(on: connection)
        if case .server(let place) = connection.peer { noteResumption(of: connection.channel, at: place) }
        makeDue(connection)
        return true
    }

    private func takeEvents(of input: borrowing Span<UInt8>, _ connection: HTTP2Connection) -> Bool {
        var offset = 0
        do throws(HTTP2Failure) {
            while let event = try connection.session.next(input, at: &offset, now: clock.milliseconds) {
                switch connection.peer {
                case .client(let origin): handle(event, input, connection, origin)
                case .server: handle(event, input, connection)
                }
                guard connections.http2(connection.id) != nil else { return false }
            }
            return true
        } catch {
            abandon(connection, error)
            return false
        }
    }

    /// Gives a head that has begun its time to end.
    private func awaitHead(on connection: HTTP2Connection) {
        guard connection.session.isInHeaderBlock else {
            connection.awaitsHead = false
            return
        }
        guard !connection.awaitsHead else { return }
        connection.awaitsHead = true
        connection.deadline.set(
            clock.milliseconds + snapshot.limits.headerTimeout,
            for: connection.id,
            in: timers
        )
    }

    /// Ends a connection whose peer breaks the protocol or a limit: it learns why, and so does the log.
    private func abandon(_ connection: HTTP2Connection, _ failure: HTTP2Failure) {
        var metadata: Logger.Metadata = [:]
        switch failure {
        case .limit(let limit): metadata["limit"] = "\(limit.rawValue)"
        case .protocolError(let what): metadata["violation"] = "\(what)"
        }
        var isTold = true
        switch connection.peer {
        case .client(let origin):
            metadata["client"] = "\(origin.host)"
            isTold = mayTell(.connection, of: origin)
        case .server(let place): metadata["upstream"] = "\(place.endpoint.name)"
        }
        if isTold { services.logger.warning("An HTTP/2 connection was ended.", metadata: metadata) }
        connection.session.terminate(failure)
        _ = sendAll(connection)
        lost(connection, "HTTP/2: \(metadata["limit"] ?? metadata["violation"] ?? "")")
    }

    func flush(_ connection: HTTP2Connection) {
        let couldNotRead = connection.output.count >= Self.outputMark
        if let failure = sendAll(connection) { return lost(connection, failure.detail) }
        connection.session.takeProgressed { noteProgress(of: $0) }
        // Streams close when their last octets leave.
        guard takeEvents(of: Span(), connection) else { return }
        if connection.isFlushed {
            connection.output.release()
            if connection.closesAfterOutput || connection.session.isOver { return lost(connection, "closed") }
            noteFlushed(connection)
        } else if !connection.awaitsLastRequest {
            connection.deadline.set(
                clock.milliseconds + snapshot.limits.bodyTimeout,
                for: connection.id,
                in: timers
            )
        }
        if couldNotRead || connection.hasUnreadInput { queue(connection) }
    }

    private func noteFlushed(_ connection: HTTP2Connection) {
        if connection.streams.isEmpty {
            becameIdle(connection)
        } else if !connection.awaitsLastRequest, !connection.awaitsHead {
            connection.deadline.clear()
        }
    }

    /// Makes frames and sends them until there are no more or the kernel has no room; what made it fail, if it did.
    private func sendAll(_ connection: HTTP2Connection) -> ChannelFailure? {
        if let failure = connection.channel.flush() { return failure }
        while true {
            connection.session.write(into: &connection.output, upTo: Self.outputMark)
            guard !connection.output.isEmpty else { return nil }
            switch connection.channel.send(connection.output.span) {
            case .bytes(let count): connection.output.consume(count)
            case .wouldBlock: return nil
            case .failed(let error): return .socket(error)
            }
        }
    }

    /// Goes on with a stream whose octets were made into frames.
    private func noteProgress(of stream: HTTP2Stream) {
        switch connections[ConnectionID(token: stream.owner)] {
        case .client(let client): noteSent(client)
        case .upstream(let upstream): noteSent(upstream)
        case .vacant, .arrival, .opening, .http2: break
        }
    }

    /// Opens the windows of a client's stream for the octets that have left towards the server.
    func openWindow(of client: ClientStream, heldBack: Int) {
        guard case .stream(let stream, let connection) = client.carrier else { return }
        let left = client.uncredited - client.pending.count - heldBack
        guard left > 0 else { return }
        client.uncredited -= left
        connection.session.consume(left, of: stream)
        makeDue(connection)
    }

    /// Opens the windows of a server's stream for the octets that have left towards the client.
    func openWindow(of upstream: UpstreamStream, heldBack: Int) {
        guard case .stream(let stream, let connection) = upstream.carrier else { return }
        let left = upstream.uncredited - heldBack
        guard left > 0 else { return }
        upstream.uncredited -= left
        connection.session.consume(left, of: stream)
        makeDue(connection)
    }

    /// A stream gives its place up; what it did not use of the connection's window is given back.
    func leave(_ connection: HTTP2Connection, _ id: ConnectionID, uncredited: Int) {
        if uncredited > 0 { connection.session.consumeOfClosed(uncredited) }
        connection.streams.remove(id)
        makeDue(connection)
    }

    /// Gives a connection without streams its time, or ends it if none will come.
    func becameIdle(_ connection: HTTP2Connection) {
        guard !connection.isEnding || connection.awaitsLastRequest else { return close(connection) }
        guard connection.deadline.due == nil else { return }
        let timeout =
            switch connection.peer {
            case .client: snapshot.limits.idleTimeout
            case .server: snapshot.limits.upstreamIdleTimeout
            }
        connection.deadline.set(clock.milliseconds + timeout, for: connection.id, in: timers)
    }

    /// Tells a client that no stream begins any more, and gives those that are on their way a moment.
    func announceEnd(of connection: HTTP2Connection) {
        guard !connection.isEnding else { return }
        connection.isEnding = true
        connection.awaitsLastRequest = true
        connection.session.announceShutdown()
        connection.deadline.set(
            clock.milliseconds + Self.lastRequestTime,
            for: connection.id,
            in: timers
        )
        makeDue(connection)
    }

    /// Closes a connection to a server when its last stream has ended.
    func endWhenIdle(_ connection: HTTP2Connection) {
        connection.isEnding = true
        makeDue(connection)
    }

    /// The time of a connection has run out.
    func expire(_ connection: HTTP2Connection) {
        if connection.awaitsLastRequest {
            connection.awaitsLastRequest = false
            connection.session.shutDown()
            return makeDue(connection)
        }
        guard connection.isFlushed, !connection.awaitsHead else { return lost(connection, "stalled") }
        guard connection.streams.isEmpty else { return }
        connection.session.shutDown()
        connection.isEnding = true
        connection.closesAfterOutput = true
        makeDue(connection)
    }

    /// The connection is dead: so are its streams.
    func lost(_ connection: HTTP2Connection, _ how: String) {
        close(connection)
        for owner in connection.streams {
            switch connections[owner] {
            case .client(let client): left(client)
            case .upstream(let upstream):
                guard let exchange = upstream.exchange else {
                    discard(upstream)
                    continue
                }
                broke(upstream, exchange, how)
                if let client = exchange.client { flush(client) }
            case .vacant, .arrival, .opening, .http2: break
            }
        }
    }

    private func close(_ connection: HTTP2Connection) {
        if case .server(let place) = connection.peer {
            place.forget(connection: connection.id)
            countEnd(ofConnectionTo: place)
        }
        connection.channel.sayEnd()
        connection.channel.slot = nil
        connections.remove(connection.id)
    }
}
