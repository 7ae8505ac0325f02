// Streams of HTTP/2: requests of clients, and responses of servers, handed to the same rules as those of HTTP/1.1.

internal import Bytes
internal import HTTP
internal import HTTP1
internal import HTTP2
internal import Logging
internal import Policy
internal import Transport

extension Worker {
    // MARK: - Clients

    /// Does what an event of a client's connection asks for.
    func handle(
        _ event: HTTP2Event,
        _ input: borrowing Span<UInt8>,
        _ connection: HTTP2Connection,
        _ origin: ClientOrigin
    ) {
        switch event {
        case .request(let stream, let endsStream):
            begin(stream, endsStream: endsStream, connection, origin)
        case .refusedRequest(let stream, let violation):
            refuse(stream, violation, connection, origin)
        case .data(let stream, let range):
            guard let client = connections.client(ConnectionID(token: stream.owner)) else {
                return connection.session.consumeOfClosed(range.count)
            }
            take(input.extracting(range), client)
        case .end(let stream):
            guard let client = connections.client(ConnectionID(token: stream.owner)) else { return }
            client.hasReceivedEnd = true
            if client.pending.isEmpty { consume(Span(), client) }
        case .closed(let stream, _):
            guard let client = connections.client(ConnectionID(token: stream.owner)) else { return }
            left(client)
        case .malformed(let violation):
            guard mayTell(.stream, of: origin) else { return }
            services.logger.info(
                "A stream was reset.",
                metadata: ["client": "\(origin.host)", "violation": "\(violation.rawValue)"]
            )
        case .goAway: connection.isEnding = true
        case .response, .refusedResponse: break
        }
    }

    private func makeClient(
        _ stream: HTTP2Stream,
        _ connection: HTTP2Connection,
        _ origin: ClientOrigin
    ) -> ClientStream {
        let client = ClientStream(
            id: connections.reserve(),
            carrier: .stream(stream, connection),
            origin: origin,
            parser: RequestParser(limits: snapshot.limits.messages)
        )
        stream.owner = client.id.token
        connections.store(.client(client), at: client.id)
        connection.streams.insert(client.id)
        if !connection.awaitsLastRequest { connection.deadline.clear() }
        return client
    }

    private func begin(
        _ stream: HTTP2Stream,
        endsStream: Bool,
        _ connection: HTTP2Connection,
        _ origin: ClientOrigin
    ) {
        let client = makeClient(stream, connection, origin)
        let exchange = takeExchange()
        connection.session.takeRequest(into: &exchange.request)
        client.hasReceivedEnd = endsStream
        let framing: BodyFraming = endsStream ? .none : .untilClose
        begin(
            exchange,
            on: client,
            body: BodyDecoder(framing: framing, limits: snapshot.limits.messages)
        )
        if !endsStream, client.exchange != nil, client.deadline.due == nil {
            client.deadline.set(clock.milliseconds + snapshot.limits.bodyTimeout, for: client.id, in: timers)
        }
    }

    private func refuse(
        _ stream: HTTP2Stream,
        _ violation: MessageViolation,
        _ connection: HTTP2Connection,
        _ origin: ClientOrigin
    ) {
        let client = makeClient(stream, connection, origin)
        let exchange = takeExchange()
        connection.session.takeRequest(into: &exchange.request)
        refuse(client, exchange, .message(violation))
    }

    /// Takes octets of a request's body.
    private func take(_ octets: borrowing Span<UInt8>, _ client: ClientStream) {
        client.uncredited += octets.count
        switch client.state {
        case .exchanging:
            guard client.pending.isEmpty else { return client.pending.append(octets) }
            consume(octets, client)
        case .discarding(let decoder, let left):
            // An answered request whose body goes on for too long is cut off; its answer is complete by then, or the
            // client does not read it.
            guard left > octets.count else { return close(client, code: HTTP2ErrorCode.noError) }
            client.state = .discarding(decoder, left: left - octets.count)
            openWindow(of: client, heldBack: 0)
        case .reading, .lingering, .closed: break
        }
    }

    // MARK: - Servers

    /// Does what an event of a server's connection asks for.
    func handle(_ event: HTTP2Event, _ input: borrowing Span<UInt8>, _ connection: HTTP2Connection) {
        switch event {
        case .response(let stream, let endsStream):
            guard let (upstream, exchange, client) = parties(of: stream) else { return }
            connection.session.takeResponse(into: &exchange.response)
            take(upstream, exchange, client, endsStream: endsStream)
            flush(client)
        case .refusedResponse(let stream, let violation):
            guard let (_, exchange, _) = parties(of: stream) else { return }
            fail(exchange, GatewayFailure(.upstreamMalformed, violation.rawValue))
        case .data(let stream, let range):
            guard let (upstream, exchange, client) = parties(of: stream), exchange.hasResponded else {
                return connection.session.consumeOfClosed(range.count)
            }
            upstream.uncredited += range.count
            guard passBody(input.extracting(range), exchange, client) else { return flush(client) }
            noteResponseProgress(upstream, exchange)
            flush(client)
        case .end(let stream):
            guard let (upstream, exchange, client) = parties(of: stream), exchange.hasResponded else {
                return
            }
            complete(upstream, exchange, isClean: true)
            flush(client)
        case .closed(let stream, let code):
            closed(stream, code)
            if case .server(let place) = connection.peer { serveAwaiting(place) }
        case .goAway:
            connection.isEnding = true
            if case .server(let place) = connection.peer { place.forget(connection: connection.id) }
        case .request, .refusedRequest, .malformed: break
        }
    }

    /// Who takes part in what happens on a server's stream; nil if it is over.
    private func parties(of stream: HTTP2Stream) -> (UpstreamStream, Exchange, ClientStream)? {
        guard let upstream = connections.upstream(ConnectionID(token: stream.owner)),
            let exchange = upstream.exchange, let client = exchange.client
        else { return nil }
        return (upstream, exchange, client)
    }

    /// Takes the head of a response, provisional or final.
    private func take(
        _ upstream: UpstreamStream,
        _ exchange: Exchange,
        _ client: ClientStream,
        endsStream: Bool
    ) {
        guard !exchange.response.isInformational else {
            do throws(MessageViolation) {
                try passInformational(exchange, client)
            } catch {
                fail(exchange, GatewayFailure(.upstreamMalformed, error.rawValue))
            }
            return
        }
        if endsStream { exchange.response.framing = .none }
        guard accept(upstream, exchange, client), endsStream else { return }
        complete(upstream, exchange, isClean: true)
    }

    /// A stream has ended before the response had.
    private func closed(_ stream: HTTP2Stream, _ code: UInt32) {
        guard let upstream = connections.upstream(ConnectionID(token: stream.owner)) else { return }
        guard let exchange = upstream.exchange else { return discard(upstream) }
        upstream.wasRefused = stream.isRefused
        let client = exchange.client
        broke(upstream, exchange, "reset with code \(code)")
        if let client { flush(client) }
    }
}
