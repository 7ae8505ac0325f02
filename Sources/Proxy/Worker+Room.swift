// Requests that wait for room at an endpoint: for their turn among its requests, or for a connection.

internal import HTTP2
internal import Policy
internal import Transport

extension Worker {
    // MARK: - Waiting

    /// Lets a request wait until one of the endpoints that could take it has room.
    func awaitRoom(_ exchange: Exchange, at endpoints: [EndpointSlots]) {
        guard let client = exchange.client else { return }
        let ticket = takeTicket(for: exchange, client)
        for slots in endpoints {
            switch slots.take(orWaitWith: ticket) {
            case .slot(let slot):
                stopAwaitingRoom(exchange)
                return forward(exchange, with: slot)
            case .waiting: exchange.awaitedSlots.append(slots)
            case .full: break
            }
        }
        settle(exchange, client)
    }

    /// Lets a request wait until its endpoint may have one more connection, or another request needs one no more.
    func awaitConnection(_ exchange: Exchange, _ client: ClientStream, _ slots: EndpointSlots) {
        guard let place = exchange.lease?.place else { return }
        let ticket = takeTicket(for: exchange, client)
        switch slots.take(orWaitWith: ticket) {
        case .slot(let slot):
            stopAwaitingRoom(exchange)
            return connect(exchange, with: slot)
        case .waiting(let isFirst):
            exchange.awaitedSlots.append(slots)
            place.awaitingConnection.append(client.id)
            // While somebody waits no worker keeps an idle connection; those of before are asked for.
            if isFirst { services.health.askForConnection(to: place.published) }
        case .full: break
        }
        settle(exchange, client)
    }

    private func takeTicket(for exchange: Exchange, _ client: ClientStream) -> EndpointSlots.Ticket {
        lastTicket += 1
        exchange.ticket = lastTicket
        tickets[lastTicket] = client.id
        return EndpointSlots.Ticket(mailbox: mailbox, number: lastTicket)
    }

    /// Gives a request that has a place in a queue its time, and refuses one that has none.
    private func settle(_ exchange: Exchange, _ client: ClientStream) {
        guard !exchange.awaitedSlots.isEmpty else { return fail(exchange, GatewayFailure(.queueFull)) }
        exchange.phase = .awaitingRoom
        exchange.awaitsRoomSince = clock.milliseconds
        let patience = exchange.route?.upstream.rules.limits.queueTimeout ?? 0
        client.deadline.set(moment(in: patience, of: exchange), for: client.id, in: timers)
    }

    /// Ends the wait of a request, whatever comes then.
    func stopAwaitingRoom(_ exchange: Exchange) {
        guard let ticket = exchange.ticket else { return }
        exchange.ticket = nil
        tickets[ticket] = nil
        for slots in exchange.awaitedSlots { slots.withdraw(ticket, of: mailbox) }
        exchange.awaitedSlots = []
        if exchange.phase == .awaitingRoom {
            exchange.phase = .relaying
            exchange.client?.deadline.clear()
        }
        // The time for connecting stands still meanwhile.
        if let since = exchange.awaitsRoomSince.take(), let connectBy = exchange.connectBy {
            exchange.connectBy = connectBy + clock.milliseconds - since
        }
    }

    // MARK: - What ends it

    /// A request has got what it waited for. If it waits no more, the slot goes to the next one by itself.
    func adopt(_ slot: EndpointSlot, for ticket: UInt64) {
        guard let id = tickets[ticket], let client = connections.client(id), let exchange = client.exchange,
            exchange.ticket == ticket
        else { return }
        stopAwaitingRoom(exchange)
        // What holds a place already has waited for a connection.
        if exchange.lease == nil { forward(exchange, with: slot) } else { connect(exchange, with: slot) }
        queue(client)
    }

    /// Gives a connection that is free to a request that waits for one, or gives it up if one of another worker does;
    /// false if nobody waits.
    func serveAwaiting(_ upstream: UpstreamStream) -> Bool {
        guard let slots = upstream.place.published.connectionSlots else { return false }
        if let exchange = nextAwaiting(upstream.place) {
            stopAwaitingRoom(exchange)
            reuse(upstream, for: exchange)
            if let client = exchange.client { queue(client) }
            return true
        }
        guard slots.isAwaited else { return false }
        discard(upstream)
        return true
    }

    /// Lets requests that wait for a connection share one that has room again.
    func serveAwaiting(_ place: UpstreamPlace) {
        while !place.awaitingConnection.isEmpty, hasRoomOnShared(place), let exchange = nextAwaiting(place) {
            stopAwaitingRoom(exchange)
            if let client = exchange.client { queue(client) }
            guard placeOnShared(exchange) else { return connect(exchange) }
        }
    }

    private func hasRoomOnShared(_ place: UpstreamPlace) -> Bool {
        place.shared.contains { id in
            connections.http2(id).map { !$0.isEnding && $0.session.canOpenStream } ?? false
        }
    }

    /// Takes the request out of the list that waits longest for a connection to a place.
    private func nextAwaiting(_ place: UpstreamPlace) -> Exchange? {
        while !place.awaitingConnection.isEmpty {
            let id = place.awaitingConnection.removeFirst()
            if let exchange = connections.client(id)?.exchange, exchange.phase == .awaitingRoom,
                exchange.lease?.place === place
            {
                return exchange
            }
        }
        return nil
    }

    /// Gives up connections to an endpoint that nobody uses, for as long as somebody waits for one.
    func giveUpIdle(at endpoint: PublishedEndpoint) {
        guard let slots = endpoint.connectionSlots else { return }
        for place in pool.places(at: endpoint) {
            while slots.isAwaited, let id = place.takeIdle() {
                if let upstream = connections.upstream(id) { discard(upstream) }
            }
            for id in place.shared where slots.isAwaited {
                if let connection = connections.http2(id), connection.streams.isEmpty {
                    endWhenIdle(connection)
                }
            }
        }
    }
}
