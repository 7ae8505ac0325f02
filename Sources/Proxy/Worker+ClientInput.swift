// What clients send: heads to decide on, bodies to pass on or to throw away.

internal import Bytes
internal import HTTP
internal import HTTP1
internal import Policy
internal import Transport

extension Worker {
    func serve(_ client: ClientStream, _ event: ReadinessEvent) {
        if event.isHangUp { client.hasHungUp = true }
        if event.isReadable { client.hasUnreadInput = true }
        if event.isWritable, !client.isFlushed { flush(client) }
        if client.hasUnreadInput { receive(client) }
    }

    /// Begins to serve a connection of HTTP/1.1, of which `input` has arrived already.
    func begin(_ client: ClientStream, with input: borrowing Span<UInt8>) {
        consume(input, client)
        if client.hasUnreadInput || client.hasHungUp { queue(client) }
    }

    /// Goes on with a connection that was left with something to do.
    func resume(_ client: ClientStream) {
        if canGoOn(client) {
            var pending = ByteBuffer()
            swap(&pending, &client.pending)
            consume(pending.span, client)
        }
        if client.channel != nil, client.hasUnreadInput || client.hasHungUp { receive(client) }
    }

    /// Receives for as long as somebody wants the bytes; what nobody wants stays in the socket and holds the peer back.
    func receive(_ client: ClientStream) {
        guard let channel = client.channel else { return }
        withInput { receive(client, channel, into: &$0) }
        // A peer that has closed its side has left: nobody would read the answer (MCP 2026-07-28: this cancels).
        if client.hasHungUp, client.exchange != nil { left(client) }
    }

    private func receive(_ client: ClientStream, _ channel: Channel, into input: inout ByteBuffer) {
        var turn = Turn()
        while wantsInput(client) {
            // What is kept is used up before there is more of it.
            guard !canGoOn(client), turn.mayReceive() else { return queue(client) }
            input.removeAll()
            takeOver(&client.pending, into: &input)
            let bodyRoom = input.isEmpty ? roomInBody(from: client, channel) : 0
            let result =
                bodyRoom > 0
                ? receiveBody(from: client, channel, room: bodyRoom)
                : channel.receive(into: &input, room: room(for: client))
            switch result {
            case .bytes(let isDrained):
                consume(input.span, client)
                if isDrained, !client.hasHungUp {
                    client.hasUnreadInput = false
                    return
                }
            case .wouldBlock:
                client.hasUnreadInput = false
                client.pending.append(input.span)
                return
            case .end, .failed:
                return left(client)
            }
        }
    }

    /// Bytes that one receive takes: many requests in one would keep the others waiting.
    private func room(for client: ClientStream) -> Int {
        if case .reading = client.state { Self.receiveSize / 4 } else { Self.receiveSize }
    }

    /// Whether bytes that were received already could be used now.
    func canGoOn(_ client: ClientStream) -> Bool {
        !client.pending.isEmpty && !client.hasPartialHead && wantsInput(client)
    }

    /// Moves what was kept of a connection's input, which frees the memory that kept it.
    func takeOver(_ pending: inout ByteBuffer, into input: inout ByteBuffer) {
        guard !pending.isEmpty else { return }
        input.append(pending.span)
        pending.release()
    }

    /// Whether bytes from the client could be used now.
    private func wantsInput(_ client: ClientStream) -> Bool {
        switch client.state {
        case .closed: return false
        case .reading: return !client.closesAfterOutput && client.backlog < snapshot.limits.windowBytes
        case .discarding, .lingering: return true
        case .exchanging(let exchange):
            return exchange.phase == .readingBody && !exchange.requestBody.hasEnded
        }
    }

    /// Uses `input` up as far as the state of the connection allows, and keeps the rest.
    func consume(_ input: borrowing Span<UInt8>, _ client: ClientStream) {
        var offset = 0
        loop: while offset < input.count {
            switch client.state {
            case .closed: return
            case .reading:
                guard wantsInput(client), readHead(input, client, &offset) else { break loop }
            case .exchanging(let exchange):
                guard readBody(input, of: exchange, from: client, &offset) else { break loop }
            case .discarding(let decoder, let left):
                guard discard(input, client, decoder, left: left, &offset) else { break loop }
            case .lingering(let left):
                let count = input.count - offset
                offset = input.count
                client.state = .lingering(left: left - count)
                if left <= count { close(client) }
            }
        }
        if case .closed = client.state { return }
        if offset < input.count {
            client.pending.append(input.extracting(offset...))
        } else if client.hasReceivedEnd {
            endBody(client)
        }
        if !client.output.isEmpty { flush(client) }
        if canGoOn(client) { queue(client) }
    }

    /// Reads a head and decides on it; false if its end has not arrived.
    private func readHead(
        _ input: borrowing Span<UInt8>,
        _ client: ClientStream,
        _ offset: inout Int
    ) -> Bool {
        let exchange = takeExchange()
        if !client.hasPartialHead { client.parser.limits = snapshot.limits.messages }
        do throws(MessageViolation) {
            let length = try client.parser.parse(input.extracting(offset...), into: &exchange.request)
            guard let length else {
                giveBack(exchange)
                if !client.hasPartialHead {
                    client.hasPartialHead = true
                    client.deadline.set(
                        clock.milliseconds + snapshot.limits.headerTimeout,
                        for: client.id,
                        in: timers
                    )
                }
                return false
            }
            offset += length
            begin(exchange, on: client)
            return true
        } catch {
            refuse(client, exchange, .message(error))
            offset = input.count
            return false
        }
    }

    private func begin(_ exchange: Exchange, on client: ClientStream) {
        let body = BodyDecoder(framing: exchange.request.framing, limits: snapshot.limits.messages)
        begin(exchange, on: client, body: body)
    }

    /// Begins the exchange of a head that is complete, and of a body that `body` takes apart.
    func begin(_ exchange: Exchange, on client: ClientStream, body: BodyDecoder) {
        client.hasPartialHead = false
        client.deadline.clear()
        client.state = .exchanging(exchange)
        exchange.client = client
        exchange.requestBody = body
        exchange.endsBy = clock.milliseconds + snapshot.limits.requestTimeout
        exchange.isPersistent = exchange.request.isPersistent && !isDraining
        counters.totals.inFlight += 1
        exchange.record.start = clock.microseconds
        exchange.record.method = exchange.request.method
        exchange.record.version = exchange.request.version
        identify(exchange)
        decide(exchange)
    }

    /// Reads body bytes, and decides when the body is complete; false if no more of the input is wanted now.
    private func readBody(
        _ input: borrowing Span<UInt8>,
        of exchange: Exchange,
        from client: ClientStream,
        _ offset: inout Int
    ) -> Bool {
        guard exchange.phase == .readingBody, !exchange.requestBody.hasEnded,
            reserve(input.count - offset, for: exchange)
        else { return false }
        makeRoom(for: exchange)
        do throws(MessageViolation) {
            while case .data(let range) = try exchange.requestBody.next(input, at: &offset) {
                exchange.take(input.extracting(range))
                guard exchange.bodyLength <= exchange.snapshot.limits.bodyBytes else {
                    offset = input.count
                    refuseBody(of: exchange, .access(.contentTooLarge))
                    return false
                }
            }
        } catch {
            offset = input.count
            refuseBody(of: exchange, .message(error))
            return false
        }
        openWindow(of: client, heldBack: 0)
        if exchange.requestBody.hasEnded {
            decideOnBody(of: exchange)
        } else {
            awaitBody(of: exchange, client)
        }
        return false
    }

    /// The end of a request's body has come by itself, as in HTTP/2.
    private func endBody(_ client: ClientStream) {
        switch client.state {
        case .exchanging(let exchange):
            guard !exchange.requestBody.hasEnded else { return }
            exchange.requestBody.end()
            if exchange.phase == .readingBody { decideOnBody(of: exchange) }
        case .discarding: client.state = .discarding(BodyDecoder.ended, left: 0)
        case .reading, .lingering, .closed: break
        }
    }

    /// Gives the client its time for the next octets of the body.
    func awaitBody(of exchange: Exchange, _ client: ClientStream) {
        client.deadline.set(bodyMoment(of: exchange), for: client.id, in: timers)
    }

    /// Throws body bytes of an answered request away; false if the connection is done for.
    private func discard(
        _ input: borrowing Span<UInt8>,
        _ client: ClientStream,
        _ decoder: BodyDecoder,
        left: Int,
        _ offset: inout Int
    ) -> Bool {
        var decoder = decoder
        let start = offset
        do throws(MessageViolation) {
            while true {
                let piece = try decoder.next(input, at: &offset)
                if piece == .more { break }
                guard piece == .end else { continue }
                becomeIdle(client)
                return true
            }
        } catch {
            close(client)
            return false
        }
        guard left > offset - start else {
            close(client)
            return false
        }
        client.state = .discarding(decoder, left: left - (offset - start))
        return true
    }
}
