// Ends that were not meant: failed servers, clients that left, time that ran out.

internal import Bytes
internal import HTTP
internal import HTTP1
internal import HTTP2
internal import MCP
internal import Policy
internal import Transport

extension Worker {
    /// Sends the request of a failed connection anew if its server has surely taken no byte of it, else gives up.
    func retryOrFail(_ upstream: UpstreamStream, _ failure: GatewayFailure) {
        guard let exchange = upstream.exchange else { return discard(upstream) }
        let hasTakenNothing =
            !exchange.hasResponded && exchange.informationalCount == 0
            && upstream.pending.isEmpty && upstream.hasTakenNothing
        // That an idle connection ends, or takes no more requests, is no sign of a broken server.
        let isOrdinary = upstream.isReused && hasTakenNothing
        if !exchange.hasResponded, !isOrdinary { noteFailure(failure, of: upstream) }
        guard hasTakenNothing, !upstream.isReused || !exchange.hasRetried else {
            return fail(exchange, failure)
        }
        discardUpstream(of: exchange)
        // The connection is dead, and makes room for the next one.
        upstream.channel?.slot = nil
        guard upstream.isReused else { return moveOn(exchange, after: failure) }
        exchange.hasRetried = true
        if !placeOnShared(exchange) { connect(exchange) }
    }

    /// Ends an exchange by a failure: with an answer if there is none yet, else by cutting the answer off.
    func fail(_ exchange: Exchange, _ failure: GatewayFailure) {
        let client = exchange.client
        exchange.record.detail = failure.detail
        let body = failureBody(of: exchange, failure)
        discardUpstream(of: exchange)
        guard !exchange.hasResponded else { return abort(exchange, .failure(failure.reason)) }
        var response = LocalResponse(refusing: .failure(failure.reason))
        if let body { response.body = body }
        if let route = exchange.route {
            response.fields += CrossOrigin.fields(for: exchange.origin, at: route)
        }
        respond(exchange, with: response)
        if let client { flush(client) }
    }

    /// The JSON-RPC error for a message whose server failed; nil for methods without a message.
    private func failureBody(of exchange: Exchange, _ failure: GatewayFailure) -> [UInt8]? {
        guard exchange.record.method == .post else { return nil }
        let id = messageID(in: exchange.body)
        return LocalResponse(refusing: .failure(failure.reason), code: -32603, id: id).body
    }

    /// The id of the message that an error answers to; nil for none, and where the body is gone.
    private func messageID(in body: borrowing ByteBuffer) -> [UInt8]? {
        _ = try? envelope.read(body.span)
        guard let range = envelope.id else { return nil }
        return Array(copying: body.span.extracting(range))
    }

    /// Answers a request whose session has gone with the address that held it, as any session that has ended.
    func refuseSession(of exchange: Exchange) {
        let id = messageID(in: exchange.body)
        var response = LocalResponse(refusing: .session(.foreign), code: -32600, id: id)
        if let route = exchange.route {
            response.fields += CrossOrigin.fields(for: exchange.origin, at: route)
        }
        let client = exchange.client
        respond(exchange, with: response)
        if let client { flush(client) }
    }

    /// Cuts an answer off that has begun, so that nobody takes it for complete.
    func abort(_ exchange: Exchange, _ reason: Reason) {
        guard let client = exchange.client else { return }
        exchange.record.reason = reason
        if exchange.record.status == 0 { exchange.record.status = Answer(reason).status }
        log(exchange)
        // Without a declared end only a reset tells a broken answer from a whole one.
        if exchange.responseFraming == .untilClose { client.channel?.breakOff() }
        flushOnce(client)
        giveBack(exchange)
        close(client)
    }

    /// The client has closed its side or is gone: whatever is done for it ends (MCP 2026-07-28: this cancels).
    func left(_ client: ClientStream) {
        guard let exchange = client.exchange else { return close(client) }
        discardUpstream(of: exchange)
        abort(exchange, .failure(.clientAborted))
    }

    /// The time of a client connection has run out.
    func expire(_ client: ClientStream) {
        switch client.state {
        case .reading:
            guard client.hasPartialHead, !client.closesAfterOutput, client.isFlushed else {
                return close(client)
            }
            refuse(client, takeExchange(), .failure(.clientTimeout))
            flush(client)
        // The answer was complete; it is the rest of the request that nobody waits for any longer.
        case .discarding: close(client, code: HTTP2ErrorCode.noError)
        case .lingering, .closed: close(client)
        case .exchanging(let exchange): expire(exchange, client)
        }
    }

    private func expire(_ exchange: Exchange, _ client: ClientStream) {
        switch exchange.phase {
        case .awaitingKeys:
            exchange.phase = .relaying
            decide(exchange, mayAwaitKeys: false)
            flush(client)
            queue(client)
        case .awaitingAddresses:
            fail(exchange, GatewayFailure(.connectTimeout, "The name was not resolved in time."))
        case .connecting: fail(exchange, GatewayFailure(.connectTimeout))
        case .awaitingRoom: fail(exchange, GatewayFailure(.queueTimeout))
        case .awaitingMemory, .readingBody:
            let isWaiting = exchange.phase == .awaitingMemory
            refuseBody(of: exchange, .failure(isWaiting ? .overloaded : .clientTimeout))
            flush(client)
        case .relaying:
            guard !client.isFlushed else { return }
            discardUpstream(of: exchange)
            abort(exchange, .failure(isOver(exchange) ? .requestTimeout : .clientStalled))
        }
    }

    /// The time of a server has run out.
    func expire(_ upstream: UpstreamStream) {
        guard let exchange = upstream.exchange else { return discard(upstream) }
        guard !exchange.isEventStream else {
            discardUpstream(of: exchange)
            return abort(exchange, .failure(.streamTokenExpired))
        }
        let failure = GatewayFailure(isOver(exchange) ? .requestTimeout : .upstreamTimeout)
        // How long a request may take in all says nothing of the server.
        if !exchange.hasResponded, failure.reason == .upstreamTimeout { noteFailure(failure, of: upstream) }
        fail(exchange, failure)
    }

    /// Gives up the way to the server of an exchange, and so ends what the server does for it.
    func discardUpstream(of exchange: Exchange) {
        stopWaiting(exchange)
        stopAwaitingRoom(exchange)
        guard let upstream = exchange.upstream else { return }
        exchange.upstream = nil
        discard(upstream)
    }

    /// Closes a connection to a server, or a stream on one.
    func discard(_ upstream: UpstreamStream) {
        let isIdle = upstream.exchange == nil
        detach(upstream)
        switch upstream.carrier {
        case .connection(let channel):
            if isIdle { upstream.place.forget(idle: upstream.id) }
            countEnd(ofConnectionTo: upstream.place)
            channel.sayEnd()
        case .stream(let stream, let connection):
            connection.session.reset(stream, code: HTTP2ErrorCode.cancel)
            leave(connection, upstream.id, uncredited: upstream.uncredited)
            upstream.uncredited = 0
        }
        connections.remove(upstream.id)
    }
}
