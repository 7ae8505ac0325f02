// What servers send: heads to check and rewrite, bodies to relay as they come.

internal import Bytes
internal import HTTP
internal import HTTP1
internal import HTTP2
internal import Policy
internal import Transport

extension Worker {
    /// Most provisional responses to one request.
    private static let maximumInformational = 8

    /// Receives for as long as the client takes what comes.
    func receive(_ upstream: UpstreamStream) {
        guard let channel = upstream.channel else { return }
        withInput { receive(upstream, channel, into: &$0) }
    }

    private func receive(_ upstream: UpstreamStream, _ channel: Channel, into input: inout ByteBuffer) {
        var turn = Turn()
        while connections.upstream(upstream.id) != nil, !upstream.isPaused {
            guard turn.mayReceive() else { return queue(upstream) }
            input.removeAll()
            takeOver(&upstream.pending, into: &input)
            let result = channel.receive(into: &input, room: Self.receiveSize)
            guard let exchange = upstream.exchange else {
                guard isSilent(upstream, result, input) else { return discard(upstream) }
                return
            }
            switch result {
            case .bytes(let isDrained):
                noteResumption(of: channel, at: upstream.place)
                relay(input.span, upstream, exchange)
                if isDrained, !upstream.hasHungUp {
                    upstream.hasUnreadInput = false
                    return
                }
            case .wouldBlock:
                upstream.hasUnreadInput = false
                if !input.isEmpty { upstream.pending.append(input.span) }
                return
            case .end:
                return ended(upstream, exchange)
            case .failed(let failure):
                upstream.wasReset = true
                return broke(upstream, exchange, failure.detail)
            }
        }
    }

    /// Whether an idle connection has said nothing but what TLS says by itself. Otherwise it was closed, or its server
    /// speaks out of turn.
    private func isSilent(
        _ upstream: UpstreamStream,
        _ result: ChannelInput,
        _ input: borrowing ByteBuffer
    ) -> Bool {
        guard input.isEmpty, !upstream.hasHungUp, let channel = upstream.channel else { return false }
        upstream.hasUnreadInput = false
        switch result {
        case .wouldBlock: return true
        case .bytes(let isDrained):
            noteResumption(of: channel, at: upstream.place)
            if !isDrained { queue(upstream) }
            return true
        case .end, .failed: return false
        }
    }

    /// Keeps what a later connection to the endpoint can resume.
    func noteResumption(of channel: Channel, at place: UpstreamPlace) {
        guard channel.isSecure, let resumption = channel.takeResumption() else { return }
        place.resumption = resumption
    }

    /// Passes `input` on to the client.
    private func relay(_ input: borrowing Span<UInt8>, _ upstream: UpstreamStream, _ exchange: Exchange) {
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
        makeDue(client)
        pauseIfBehind(upstream, client)
    }

    /// Reads heads up to the final one and passes it on; false if its end has not arrived or it was not acceptable.
    private func readHead(
        _ input: borrowing Span<UInt8>,
        _ upstream: UpstreamStream,
        _ exchange: Exchange,
        _ client: ClientStream,
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
            try passInformational(exchange, client)
        }
        return accept(upstream, exchange, client)
    }

    /// Passes a provisional response on, if the client can have it.
    func passInformational(_ exchange: Exchange, _ client: ClientStream) throws(MessageViolation) {
        exchange.informationalCount += 1
        // The gateway asks for no upgrade, so that 101 answers nothing.
        guard exchange.response.status != 101, exchange.informationalCount <= Self.maximumInformational
        else { throw .malformedStatusLine }
        // 100 (Continue) was the gateway's to send; HTTP/1.0 has no provisional responses.
        if exchange.response.status != 100, exchange.record.version != .http10 {
            client.writeInformational(exchange.response, using: &fields)
        }
        exchange.response.removeAll()
    }

    /// Passes the final head on to the client; false if it must not reach it.
    func accept(_ upstream: UpstreamStream, _ exchange: Exchange, _ client: ClientStream) -> Bool {
        noteHead(exchange.response.status, of: upstream)
        if let failure = unacceptable(exchange.response) ?? prepare(exchange, at: upstream.place) {
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

    private func startResponse(_ upstream: UpstreamStream, _ exchange: Exchange, _ client: ClientStream) {
        let framing = exchange.response.framing
        exchange.responseBody = BodyDecoder(framing: framing, limits: exchange.snapshot.limits.messages)
        exchange.responseFraming = Self.framingForClient(framing, exchange.record.version)
        // What is rewritten has another length.
        if exchange.isRewritten, case .length = framing {
            exchange.responseFraming = Self.framingForClient(.untilClose, exchange.record.version)
        }
        let needsClose = client.channel != nil && exchange.responseFraming == .untilClose
        if needsClose || isDraining { exchange.isPersistent = false }
        exchange.upstreamIsPersistent = exchange.response.isPersistent
        exchange.record.status = exchange.response.status
        exchange.record.upstreamDuration = clock.microseconds - exchange.record.upstreamStart
        lendOutput(to: client)
        exchange.record.bytesOut += client.write(
            exchange.response,
            facts: exchange.responseFacts(date: clock.date),
            persistence: persistence(of: exchange, isPersistent: exchange.isPersistent),
            using: &fields
        )
        exchange.hasResponded = true
        countHead(of: exchange)
        release(exchange)
        forgetBody(of: exchange)
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
    func noteResponseProgress(_ upstream: UpstreamStream, _ exchange: Exchange) {
        guard !exchange.isEventStream else { return awaitExpiry(of: exchange, upstream) }
        let moment = moment(in: exchange.snapshot.limits.bodyTimeout, of: exchange)
        upstream.deadline.set(moment, for: upstream.id, in: timers)
    }

    private func relayBody(
        _ input: borrowing Span<UInt8>,
        _ upstream: UpstreamStream,
        _ exchange: Exchange,
        _ client: ClientStream,
        _ offset: inout Int
    ) throws(MessageViolation) {
        while true {
            switch try exchange.responseBody.next(input, at: &offset) {
            case .data(let range):
                guard passBody(input.extracting(range), exchange, client) else { return }
            case .more:
                noteResponseProgress(upstream, exchange)
                return
            case .end:
                complete(upstream, exchange, isClean: offset == input.count)
                return
            }
        }
    }

    /// Passes octets of a body on; false if they may not go on, which ends the exchange.
    func passBody(_ octets: borrowing Span<UInt8>, _ exchange: Exchange, _ client: ClientStream) -> Bool {
        findTask(in: octets, exchange)
        guard !exchange.isRewritten else { return rewrite(octets, exchange, client) }
        lendOutput(to: client)
        client.writeBody(octets, framing: exchange.responseFraming)
        exchange.record.bytesOut += octets.count
        return true
    }

    /// Ends an exchange whose response is complete.
    func complete(_ upstream: UpstreamStream, _ exchange: Exchange, isClean: Bool) {
        findTask(in: Span(), isEnd: true, exchange)
        guard let client = exchange.client, !exchange.isRewritten || finishRewriting(exchange, client)
        else { return }
        client.endBody(framing: exchange.responseFraming)
        // Bytes behind the response would pass for the answer to the next request.
        let isReusable =
            upstream.channel != nil && isClean && exchange.upstreamIsPersistent && exchange.hasSentRequest
            && upstream.output.isEmpty && !upstream.hasHungUp
        exchange.upstream = nil
        detach(upstream)
        if isReusable { keep(upstream) } else { discard(upstream) }
        // A client that was told that the connection goes on may have sent its next request already.
        finish(exchange, mustClose: !exchange.isPersistent)
    }

    /// Keeps a connection for another request.
    func keep(_ upstream: UpstreamStream) {
        if serveAwaiting(upstream) { return }
        upstream.output.release()
        upstream.pending.release()
        let maximum = snapshot.limits.idleUpstreamConnections
        guard upstream.place.keep(upstream.id, maximum: maximum) else {
            return discard(upstream)
        }
        noteChange(of: upstream.place.tally)
        upstream.deadline.set(
            clock.milliseconds + snapshot.limits.upstreamIdleTimeout,
            for: upstream.id,
            in: timers
        )
    }

    /// How much may wait for a client before its server is paused. Another receive stays within the window: to receive
    /// less at a time would cost more. What waits for a stream of HTTP/2 may just not have had its turn.
    func backlogMark(of client: ClientStream) -> Int {
        let window = snapshot.limits.windowBytes
        return client.channel == nil ? window : max(window - Self.receiveSize, 0)
    }

    private func pauseIfBehind(_ upstream: UpstreamStream, _ client: ClientStream) {
        // The connection may work for somebody else by now.
        guard upstream.exchange?.client === client, client.backlog > backlogMark(of: client) else { return }
        upstream.isPaused = true
        upstream.hasUnreadInput = true
        upstream.deadline.clear()
    }

    /// The server has closed its side, which is the end of a body without a declared one.
    private func ended(_ upstream: UpstreamStream, _ exchange: Exchange) {
        guard exchange.hasResponded, exchange.responseBody.endsWithConnection, !upstream.wasReset else {
            return broke(upstream, exchange, "closed")
        }
        let client = exchange.client
        complete(upstream, exchange, isClean: false)
        if let client { flush(client) }
    }

    /// The way to the server has ended before the response did.
    func broke(_ upstream: UpstreamStream, _ exchange: Exchange, _ how: String) {
        let reason: FailureReason = exchange.hasResponded ? .upstreamAborted : .upstreamClosed
        retryOrFail(upstream, GatewayFailure(reason, how))
    }
}
