// Asks the policy, and does what it says.

internal import Bytes
internal import HTTP
internal import HTTP1
internal import Policy
internal import Transport

extension Worker {
    /// Most bytes of an answered request's body that are read to keep its connection.
    private static let discardLimit = 256 * 1024
    /// Milliseconds that a peer has for reading what came before a close.
    static let lingerTime = 2000
    /// Milliseconds that a request waits for keys.
    private static let keyPatience = 10_000

    /// Decides on the request of `exchange`.
    func decide(_ exchange: Exchange, mayAwaitKeys: Bool = true) {
        guard let client = exchange.client else { return }
        if client.origin.listener.purpose == .admin { return answerFromSite(exchange) }
        let scene = RequestScene(
            healthPath: client.origin.listener.healthPath,
            isReady: isReady,
            now: clock.unixSeconds,
            monotonicNow: Int64(clock.milliseconds / 1000),
            mayAwaitKeys: mayAwaitKeys
        )
        let decision = AccessPolicy.decide(
            exchange.request,
            scene: scene,
            snapshot: exchange.snapshot,
            keys: exchange.generation.keys,
            tokens: &tokens,
            sessions: services.sessions,
            meter: meter(of: client)
        )
        switch consume decision {
        case .respond(let response): respond(exchange, with: response)
        case .awaitKeys(let issuer): if admit(exchange) { awaitKeys(of: issuer, exchange) }
        case .awaitBody(let clearance):
            exchange.record.route = clearance.route
            exchange.record.principal = clearance.principal
            exchange.clearance = consume clearance
            guard admit(exchange) else { return }
            startBody(of: exchange, client)
        case .forward(let permit):
            exchange.record.route = permit.route
            exchange.record.principal = permit.principal
            exchange.permit = consume permit
            guard admit(exchange) else { return }
            forward(exchange)
        }
    }

    /// Begins to read the body, if there is one.
    private func startBody(of exchange: Exchange, _ client: ClientStream) {
        exchange.phase = .readingBody
        exchange.bodyStart = clock.milliseconds
        guard !exchange.requestBody.hasEnded else { return decideOnBody(of: exchange) }
        if exchange.request.expectsContinue { sendContinue(exchange) }
        if client.exchange === exchange { awaitBody(of: exchange, client) }
    }

    /// Decides on a request whose body is complete.
    func decideOnBody(of exchange: Exchange) {
        release(exchange, downTo: exchange.bodyLength)
        exchange.client?.deadline.clear()
        guard let client = exchange.client, let clearance = exchange.clearance.take() else { return }
        let decision = AccessPolicy.decide(
            clearance,
            on: exchange.request,
            body: exchange.body.span,
            envelope: &envelope,
            snapshot: exchange.snapshot,
            sessions: services.sessions,
            meter: meter(of: client)
        )
        let names = AccessRecord.names(in: envelope, of: exchange.body.span)
        exchange.record.rpcMethod = names.rpcMethod
        exchange.record.tool = names.tool
        noteTrace(of: exchange)
        switch consume decision {
        case .respond(let response): respond(exchange, with: response)
        case .forward(let permit):
            exchange.permit = consume permit
            forward(exchange)
        case .awaitKeys: break
        case .awaitBody: break
        }
    }

    private func awaitKeys(of issuer: IssuerID, _ exchange: Exchange) {
        park(exchange, .awaitingKeys(issuer), patience: Self.keyPatience)
        services.keys.refresh(issuer)
    }

    /// Lets an exchange wait for what another thread will send.
    func park(_ exchange: Exchange, _ phase: Exchange.Phase, patience: Int) {
        guard let client = exchange.client else { return }
        exchange.phase = phase
        parked.append(client.id) { connections.client($0)?.exchange?.phase.isParked == true }
        client.deadline.set(clock.milliseconds + patience, for: client.id, in: timers)
    }

    /// Takes over new keys, and decides anew on the requests that wait for them.
    func adopt(_ state: IssuerKeys, for issuer: IssuerID) {
        generation.keys[issuer] = state
        hasStarted = hasStarted || generation.keys.isSettled
        for exchange in takeParked(where: { $0 == .awaitingKeys(issuer) }) {
            guard let client = exchange.client else { continue }
            decide(exchange, mayAwaitKeys: false)
            flush(client)
            queue(client)
        }
    }

    /// Ends the wait of the exchanges whose phase fits.
    func takeParked(where fits: (Exchange.Phase) -> Bool) -> [Exchange] {
        var taken: [Exchange] = []
        parked.keep { id in
            guard let exchange = connections.client(id)?.exchange, exchange.phase.isParked else {
                return false
            }
            guard fits(exchange.phase) else { return true }
            exchange.phase = .relaying
            exchange.client?.deadline.clear()
            taken.append(exchange)
            return false
        }
        return taken
    }

    /// Answers a request whose head breaks a rule or does not come, and gives the connection up: where its next
    /// request would begin is anybody's guess (RFC 9112 §6.3).
    func refuse(_ client: ClientStream, _ exchange: Exchange, _ reason: Reason) {
        client.state = .exchanging(exchange)
        client.hasPartialHead = false
        exchange.client = client
        exchange.isPersistent = false
        counters.totals.inFlight += 1
        exchange.record.start = clock.microseconds
        exchange.record.method = exchange.request.method
        exchange.record.version = exchange.request.version
        exchange.record.requestID = RequestID(identifiers.next(), identifiers.next())
        exchange.requestBody = BodyDecoder(framing: .untilClose, limits: snapshot.limits.messages)
        respond(exchange, with: LocalResponse(refusing: reason))
    }

    /// Ends a request in the middle of its body.
    func refuseBody(of exchange: Exchange, _ reason: Reason) {
        discardUpstream(of: exchange)
        guard !exchange.hasResponded else { return abort(exchange, reason) }
        exchange.isPersistent = false
        // The bytes that follow are of no use: they are thrown away until the client has read the answer.
        exchange.requestBody = BodyDecoder(framing: .untilClose, limits: snapshot.limits.messages)
        respond(exchange, with: LocalResponse(refusing: reason))
    }

    /// Writes the gateway's own answer, and ends the exchange.
    func respond(_ exchange: Exchange, with response: LocalResponse) {
        guard let client = exchange.client else { return }
        let mustClose = !exchange.isPersistent || isDraining || !canOutlive(exchange)
        lendOutput(to: client)
        exchange.record.bytesOut += client.write(
            response,
            answering: exchange.record.method,
            date: clock.date,
            persistence: persistence(of: exchange, isPersistent: !mustClose),
            using: &fields
        )
        exchange.record.status = response.status
        exchange.record.reason = response.reason
        exchange.record.route = response.route ?? exchange.record.route
        exchange.record.principal = response.principal ?? exchange.record.principal
        exchange.record.intendedRoute = response.intendedRoute
        finish(exchange, mustClose: mustClose)
    }

    func persistence(of exchange: Exchange, isPersistent: Bool) -> ClientResponse.Persistence {
        ClientResponse.Persistence(isPersistent: isPersistent, version: exchange.record.version)
    }

    /// Whether the rest of the request can be read and thrown away, so that the connection serves another one.
    private func canOutlive(_ exchange: Exchange) -> Bool {
        guard !exchange.requestBody.hasEnded else { return true }
        // A client that was told no instead of 100 (Continue) may send its body or not (RFC 9110 §10.1.1).
        guard !exchange.request.expectsContinue else { return false }
        if case .length(let length) = exchange.request.framing { return length <= Self.discardLimit }
        return exchange.request.framing == .chunked
    }

    /// Ends an exchange whose response is written: into the log with it, and on with the connection.
    func finish(_ exchange: Exchange, mustClose: Bool) {
        guard let client = exchange.client else { return }
        log(exchange)
        leaveMemory(of: exchange, to: client)
        let body = exchange.requestBody
        giveBack(exchange)
        if client.channel == nil { return finishStream(client, body) }
        if mustClose {
            client.closesAfterOutput = true
            // Closing with unread input would reset the connection, and the answer with it.
            client.state = body.hasEnded ? .reading : .lingering(left: Self.lingerBytes)
            client.deadline.set(clock.milliseconds + Self.lingerTime, for: client.id, in: timers)
        } else if body.hasEnded {
            becomeIdle(client)
        } else {
            client.state = .discarding(body, left: Self.discardLimit)
            client.deadline.set(
                clock.milliseconds + snapshot.limits.headerTimeout,
                for: client.id,
                in: timers
            )
        }
        if client.hasUnreadInput || !client.pending.isEmpty || client.hasHungUp { queue(client) }
    }

    /// Leaves a stream of HTTP/2 alone until it has closed; what is still to come of its request is thrown away.
    private func finishStream(_ client: ClientStream, _ body: BodyDecoder) {
        client.state = .discarding(body, left: Self.discardLimit)
        client.pending.release()
        openWindow(of: client, heldBack: 0)
        client.deadline.set(clock.milliseconds + snapshot.limits.headerTimeout, for: client.id, in: timers)
        flush(client)
    }

    /// Makes a connection wait for its next request.
    func becomeIdle(_ client: ClientStream) {
        client.state = .reading
        client.hasPartialHead = false
        if client.output.isEmpty { takeBackOutput(of: &client.output) }
        client.deadline.set(clock.milliseconds + snapshot.limits.idleTimeout, for: client.id, in: timers)
        if isDraining { giveLastRequest(client) }
    }

    func log(_ exchange: Exchange) {
        exchange.record.bytesIn = exchange.bodyLength
        count(exchange)
        recordSpans(of: exchange)
        guard let client = exchange.client else { return }
        if services.accessLog.isOn { accessLines.add { write(exchange, of: client, to: &$0) } }
        if services.auditLog.isOn, exchange.record.isRefused {
            auditLines.add { write(exchange, of: client, to: &$0) }
        }
        // Many requests may be answered in one round.
        if accessLines.isLarge || auditLines.isLarge { handOverLines() }
    }

    private func write(_ exchange: Exchange, of client: ClientStream, to buffer: inout ByteBuffer) {
        // Moved out and back: a copy would count the references of all its texts.
        var record = AccessRecord()
        swap(&record, &exchange.record)
        record.append(client: client.origin.host, snapshot: exchange.snapshot, clock: clock, to: &buffer)
        swap(&record, &exchange.record)
    }

    func takeExchange() -> Exchange {
        spareExchanges.popLast() ?? Exchange(generation)
    }

    func giveBack(_ exchange: Exchange) {
        release(exchange)
        forgetBody(of: exchange)
        exchange.recycle(for: generation)
        if spareExchanges.count < 256 { spareExchanges.append(exchange) }
    }
}
