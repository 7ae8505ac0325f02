// Ends that were not meant: failed servers, clients that left, time that ran out.

internal import Bytes
internal import HTTP
internal import HTTP1
internal import JSON
internal import Policy
internal import Transport

extension Worker {
    /// Sends the request of a failed connection anew if its server has surely taken no byte of it, else gives up.
    func retryOrFail(_ upstream: UpstreamConnection, _ failure: GatewayFailure) {
        guard let exchange = upstream.exchange else { return discard(upstream) }
        let isWhole = upstream.headLength > 0 && upstream.pending.isEmpty && exchange.informationalCount == 0
        let mayRetry =
            isWhole && !exchange.hasResponded && upstream.hasTakenNothing
            && (!upstream.isReused || !exchange.hasRetried)
        guard mayRetry else { return fail(exchange, failure) }
        if upstream.isReused { exchange.hasRetried = true }
        connect(exchange)
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
        if let route = exchange.record.route {
            response.fields += CrossOrigin.fields(
                for: exchange.lease?.permit.origin,
                at: snapshot.route(route)
            )
        }
        respond(exchange, with: response)
        if let client { flush(client) }
    }

    /// The JSON-RPC error for a message whose server failed; nil for methods without a message.
    private func failureBody(of exchange: Exchange, _ failure: GatewayFailure) -> [UInt8]? {
        guard exchange.record.method == .post else { return nil }
        let id = exchange.upstream?.messageID(
            framing: exchange.requestFraming,
            limits: snapshot.limits.messages
        )
        var writer = JSONWriter()
        writer.object { writer in
            writer.member("jsonrpc", "2.0")
            if let id { writer.member("id", id) }
            writer.name("error")
            writer.object { writer in
                writer.member("code", -32603)
                writer.member("message", Answer(.failure(failure.reason)).sentence)
            }
        }
        let text = writer.finish()
        return Array(copying: text.span)
    }

    /// Cuts an answer off that has begun, so that nobody takes it for complete.
    func abort(_ exchange: Exchange, _ reason: Reason) {
        guard let client = exchange.client else { return }
        exchange.record.reason = reason
        if exchange.record.status == 0 { exchange.record.status = Answer(reason).status }
        log(exchange)
        // Without a declared end only a reset tells a broken answer from a whole one.
        if exchange.responseFraming == .untilClose { client.socket.resetOnClose() }
        flushOnce(client)
        giveBack(exchange)
        close(client)
    }

    /// The client has closed its side or is gone: whatever is done for it ends (MCP 2026-07-28: this cancels).
    func left(_ client: ClientConnection) {
        guard let exchange = client.exchange else { return close(client) }
        discardUpstream(of: exchange)
        abort(exchange, .failure(.clientAborted))
    }

    /// The time of a client connection has run out.
    func expire(_ client: ClientConnection) {
        switch client.state {
        case .reading:
            guard client.hasPartialHead, !client.closesAfterOutput, client.output.isEmpty else {
                return close(client)
            }
            refuse(client, takeExchange(), .failure(.clientTimeout))
            flush(client)
        case .discarding, .lingering, .closed: close(client)
        case .exchanging(let exchange): expire(exchange, client)
        }
    }

    private func expire(_ exchange: Exchange, _ client: ClientConnection) {
        switch exchange.phase {
        case .awaitingKeys:
            exchange.phase = .relaying
            decide(exchange, mayAwaitKeys: false)
            flush(client)
            queue(client)
        case .awaitingAddresses:
            fail(exchange, GatewayFailure(.connectTimeout, "The name was not resolved in time."))
        case .relaying where !client.output.isEmpty:
            discardUpstream(of: exchange)
            abort(exchange, .failure(.clientStalled))
        case .relaying where exchange.upstream?.unsent ?? 0 > 0:
            fail(exchange, GatewayFailure(.upstreamTimeout, "The server does not take the request."))
        case .relaying:
            discardUpstream(of: exchange)
            guard !exchange.hasResponded else { return abort(exchange, .failure(.clientTimeout)) }
            exchange.isPersistent = false
            respond(exchange, with: LocalResponse(refusing: .failure(.clientTimeout)))
            flush(client)
        }
    }

    /// The time of an upstream connection has run out.
    func expire(_ upstream: UpstreamConnection) {
        guard let exchange = upstream.exchange else { return discard(upstream) }
        fail(
            exchange,
            upstream.isConnected ? GatewayFailure(.upstreamTimeout) : GatewayFailure(.connectTimeout)
        )
    }

    /// Closes the upstream connection of an exchange, and so ends what the server does for it.
    func discardUpstream(of exchange: Exchange) {
        guard let upstream = exchange.upstream else { return }
        exchange.upstream = nil
        discard(upstream)
    }

    /// Closes an upstream connection.
    func discard(_ upstream: UpstreamConnection) {
        if upstream.exchange == nil { pool.forget(upstream.id, endpoint: upstream.endpoint) }
        upstream.exchange = nil
        connections.remove(upstream.id)
    }
}

extension UpstreamConnection {
    /// The JSON-RPC id of the message that waits here for an answer; nil if it is no longer here, or is no message.
    fileprivate func messageID(framing: BodyFraming, limits: MessageLimits) -> JSONValue? {
        guard headLength > 0, headLength < output.count else { return nil }
        var copy = ByteBuffer()
        copy.append(output.span)
        let bytes = copy.span
        var decoder = BodyDecoder(framing: framing, limits: limits)
        var message = ByteBuffer()
        var offset = headLength
        while case .data(let range)? = try? decoder.next(bytes, at: &offset) {
            message.append(bytes.extracting(range))
        }
        guard decoder.hasEnded, let id = try? JSONReader.read(message.span).object?["id"] else { return nil }
        switch id.content {
        case .string, .number: return id
        default: return nil
        }
    }
}
