// What servers send: heads to check and rewrite, bodies to relay as they come.

internal import Bytes
internal import HTTP
internal import HTTP1
internal import Policy
internal import Transport

extension Worker {
    /// Most provisional responses to one request.
    private static let maximumInformational = 8

    /// Receives for as long as the client takes what comes.
    func receive(_ upstream: UpstreamConnection) {
        withInput { receive(upstream, into: &$0) }
    }

    private func receive(_ upstream: UpstreamConnection, into input: inout ByteBuffer) {
        var share = Self.fairShare
        while connections.upstream(upstream.id) != nil, !upstream.isPaused {
            guard let exchange = upstream.exchange, upstream.isConnected else {
                // An idle connection has nothing to say: it was closed, or its server speaks out of turn.
                return upstream.exchange == nil ? discard(upstream) : ()
            }
            guard share > 0 else { return queue(upstream) }
            share -= 1
            input.removeAll()
            takeOver(&upstream.pending, into: &input)
            switch upstream.socket.receive(into: &input, room: Self.receiveSize) {
            case .bytes(let count):
                relay(input.span, upstream, exchange)
                if count < Self.receiveSize, !upstream.hasHungUp {
                    upstream.hasUnreadInput = false
                    return
                }
            case .wouldBlock:
                upstream.hasUnreadInput = false
                if !input.isEmpty { upstream.pending.append(input.span) }
                return
            case .end:
                return ended(upstream, exchange)
            case .failed(let error):
                upstream.wasReset = true
                return broke(upstream, exchange, "\(error)")
            }
        }
    }

    /// Passes `input` on to the client.
    private func relay(_ input: borrowing Span<UInt8>, _ upstream: UpstreamConnection, _ exchange: Exchange) {
        guard let client = exchange.client else { return }
        var offset = 0
        do throws(MessageViolation) {
            if !exchange.hasResponded {
                guard try readHead(input, upstream, exchange, client, &offset) else { return flush(client) }
            }
            try relayBody(input, upstream, exchange, client, &offset)
        } catch {
            fail(exchange, GatewayFailure(.upstreamMalformed, error.rawValue))
        }
        flush(client)
        pauseIfBehind(upstream, client)
    }

    /// Reads heads up to the final one and passes it on; false if its end has not arrived or it was not acceptable.
    private func readHead(
        _ input: borrowing Span<UInt8>,
        _ upstream: UpstreamConnection,
        _ exchange: Exchange,
        _ client: ClientConnection,
        _ offset: inout Int
    ) throws(MessageViolation) -> Bool {
        while true {
            let rest = input.extracting(offset...)
            let method = exchange.record.method
            guard let length = try upstream.parser.parse(rest, into: &exchange.response, answering: method)
            else {
                upstream.pending.append(rest)
                return false
            }
            offset += length
            guard exchange.response.isInformational else { break }
            exchange.informationalCount += 1
            // The gateway asks for no upgrade, so that 101 answers nothing.
            guard exchange.response.status != 101, exchange.informationalCount <= Self.maximumInformational
            else { throw .malformedStatusLine }
            // 100 (Continue) was the gateway's to send; HTTP/1.0 has no provisional responses.
            if exchange.response.status != 100, exchange.record.version == .http11 {
                ClientResponse.appendInformational(exchange.response, to: &client.output)
            }
            exchange.response.removeAll()
        }
        if let failure = unacceptable(exchange.response) {
            fail(exchange, failure)
            return false
        }
        startResponse(upstream, exchange, client)
        return true
    }

    /// Why a response must not reach the client, nil if it may.
    private func unacceptable(_ response: borrowing ResponseHead) -> GatewayFailure? {
        switch response.status {
        // The server wants another token than the one that names it: a fault of the set-up, not of the client.
        case 401, 407: GatewayFailure(.upstreamUnauthorized, "status \(response.status)")
        // Following a redirect would carry the token elsewhere.
        case 300..<400 where response.status != 304:
            GatewayFailure(.upstreamRedirect, "status \(response.status)")
        default: nil
        }
    }

    private func startResponse(
        _ upstream: UpstreamConnection,
        _ exchange: Exchange,
        _ client: ClientConnection
    ) {
        let framing = exchange.response.framing
        exchange.responseBody = BodyDecoder(framing: framing, limits: snapshot.limits.messages)
        exchange.responseFraming = Self.framingForClient(framing, exchange.record.version)
        if exchange.responseFraming == .untilClose { exchange.isPersistent = false }
        // An early answer to a request that is still on its way: what is left of it is not waited for.
        if !exchange.hasSentRequest { exchange.isPersistent = false }
        exchange.isEventStream = exchange.response.isEventStream
        exchange.upstreamIsPersistent = exchange.response.isPersistent
        exchange.record.status = exchange.response.status
        exchange.record.upstreamDuration = clock.microseconds - exchange.record.upstreamStart
        let before = client.output.count
        exchange.appendResponse(
            facts: .init(
                date: clock.date,
                isPersistent: exchange.isPersistent && !isDraining,
                version: exchange.record.version
            ),
            to: &client.output
        )
        exchange.record.bytesOut += client.output.count - before
        exchange.hasResponded = true
        upstream.releaseSent()
        noteResponseProgress(upstream, exchange)
        if exchange.isEventStream { exchange.releaseHeads() }
    }

    private static func framingForClient(_ framing: BodyFraming, _ version: HTTPVersion) -> BodyFraming {
        switch framing {
        case .none, .length: framing
        case .chunked, .untilClose: version == .http11 ? .chunked : .untilClose
        }
    }

    /// Gives the rest of a body its time; streams of events may be silent for as long as they like.
    func noteResponseProgress(_ upstream: UpstreamConnection, _ exchange: Exchange) {
        guard !exchange.isEventStream else { return upstream.deadline.clear() }
        upstream.deadline.set(clock.milliseconds + snapshot.limits.bodyTimeout, for: upstream.id, in: &timers)
    }

    private func relayBody(
        _ input: borrowing Span<UInt8>,
        _ upstream: UpstreamConnection,
        _ exchange: Exchange,
        _ client: ClientConnection,
        _ offset: inout Int
    ) throws(MessageViolation) {
        while true {
            switch try exchange.responseBody.next(input, at: &offset) {
            case .data(let range):
                client.output.appendBody(input.extracting(range), framing: exchange.responseFraming)
                exchange.record.bytesOut += range.count
            case .more:
                noteResponseProgress(upstream, exchange)
                return
            case .end:
                complete(upstream, exchange, isClean: offset == input.count)
                return
            }
        }
    }

    /// Ends an exchange whose response is complete.
    private func complete(_ upstream: UpstreamConnection, _ exchange: Exchange, isClean: Bool) {
        guard let client = exchange.client else { return }
        client.output.appendBodyEnd(framing: exchange.responseFraming)
        // Bytes behind the response would pass for the answer to the next request.
        let isReusable =
            isClean && exchange.upstreamIsPersistent && exchange.hasSentRequest && upstream.unsent == 0
            && !upstream.hasHungUp
        exchange.upstream = nil
        upstream.exchange = nil
        if isReusable { keep(upstream) } else { discard(upstream) }
        finish(exchange, mustClose: !exchange.isPersistent || isDraining)
    }

    private func keep(_ upstream: UpstreamConnection) {
        upstream.releaseSent()
        upstream.output.release()
        upstream.pending.release()
        let maximum = snapshot.limits.idleUpstreamConnections
        guard pool.keep(upstream.id, endpoint: upstream.endpoint, maximum: maximum) else {
            return discard(upstream)
        }
        upstream.deadline.set(
            clock.milliseconds + snapshot.limits.upstreamIdleTimeout,
            for: upstream.id,
            in: &timers
        )
    }

    private func pauseIfBehind(_ upstream: UpstreamConnection, _ client: ClientConnection) {
        guard upstream.exchange != nil, client.output.count >= snapshot.limits.bufferBytes else { return }
        upstream.isPaused = true
        upstream.hasUnreadInput = true
        upstream.deadline.clear()
    }

    /// The server has closed its side, which is the end of a body without a declared one.
    private func ended(_ upstream: UpstreamConnection, _ exchange: Exchange) {
        guard exchange.hasResponded, exchange.responseBody.endsWithConnection, !upstream.wasReset else {
            return broke(upstream, exchange, "closed")
        }
        let client = exchange.client
        complete(upstream, exchange, isClean: false)
        if let client { flush(client) }
    }

    private func broke(_ upstream: UpstreamConnection, _ exchange: Exchange, _ how: String) {
        let reason: FailureReason = exchange.hasResponded ? .upstreamAborted : .upstreamClosed
        retryOrFail(upstream, GatewayFailure(reason, how))
    }
}
