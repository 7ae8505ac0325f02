// What an address may have, what a request may take, and when it is over.

internal import HTTP
internal import Logging
internal import Policy
internal import Transport

extension Worker {
    /// Nanoseconds of the monotonic clock, by which rates count.
    private var nanoseconds: Int { clock.microseconds * 1000 }

    // MARK: - Addresses

    /// The place of a connection from `peer` among those of its address; nil for a Unix path, which has no limits.
    ///
    /// - Throws: Which limit it is beyond: it is to be closed then, and nothing more is to be done for it.
    func enter(_ peer: SocketAddress, at listener: Listener) throws(AddressRefusal) -> AddressPlace? {
        guard let site = peer.site else { return nil }
        let address = HashedKey(site)
        do throws(AddressRefusal) {
            return try services.addresses.enter(
                address,
                maximum: snapshot.limits.connectionsPerAddress,
                handshakes: listener.tls == nil ? nil : snapshot.limits.rates.handshakes,
                now: nanoseconds
            )
        } catch {
            counters.count(error.counted)
            if services.addresses.mayTell(.limit, of: address, now: nanoseconds) {
                services.logger.warning(
                    "Connections of an address are closed.",
                    metadata: [
                        "client": "\(peer.host)", "listener": "\(listener.address)",
                        "limit": "\(error.rawValue)",
                    ]
                )
            }
            throw error
        }
    }

    /// Whether the log is to be told of what a client does: once a minute of each address.
    func mayTell(_ message: AddressMessage, of client: ClientOrigin) -> Bool {
        client.address.map { services.addresses.mayTell(message, of: $0, now: nanoseconds) } ?? true
    }

    // MARK: - Rates

    /// What counts the requests of a client.
    func meter(of client: ClientStream) -> RateMeter {
        RateMeter(tables: services.rates, address: client.origin.address, now: nanoseconds)
    }

    // MARK: - Requests at a time

    /// Takes a request in that is not answered at once; false if there are too many already, and it was told so.
    func admit(_ exchange: Exchange) -> Bool {
        guard let client = exchange.client, !client.isCounted else { return true }
        guard requests < snapshot.limits.requests else {
            fail(exchange, GatewayFailure(.overloaded, "too many requests at a time"))
            return false
        }
        requests += 1
        client.isCounted = true
        return true
    }

    /// Lets the request of a client go, of which no octet is left here.
    func letGo(_ client: ClientStream) {
        if client.isCounted { requests -= 1 }
        client.isCounted = false
        releaseAnswer(of: client)
    }

    // MARK: - Deadlines

    /// The moment in `timeout` milliseconds, or when the whole exchange must be over.
    func moment(in timeout: Int, of exchange: Exchange?) -> Int {
        min(clock.milliseconds + timeout, exchange?.endsBy ?? .max)
    }

    /// Whether an exchange has taken longer than any may.
    func isOver(_ exchange: Exchange) -> Bool {
        exchange.endsBy.map { $0 <= clock.milliseconds } ?? false
    }

    /// The moment by which more of a request's body must come. What has come buys time, so that a body in drops ends.
    func bodyMoment(of exchange: Exchange) -> Int {
        let limits = exchange.snapshot.limits
        let bought = exchange.bodyLength * 1000 / limits.bodyRate
        let latest = exchange.bodyStart + limits.bodyTimeout + bought
        return min(moment(in: limits.bodyTimeout, of: exchange), latest)
    }

    // MARK: - Descriptors

    /// Makes room for one more connection to a server, if need be by closing one that does nothing.
    func makeRoomForServer() -> Bool {
        while connections.servers >= services.descriptors.servers {
            guard closeIdleServer() else { return false }
        }
        return true
    }

    private func closeIdleServer() -> Bool {
        if let id = pool.nextIdle(), let upstream = connections.upstream(id) {
            discard(upstream)
            return true
        }
        for id in pool.allShared {
            guard let connection = connections.http2(id), connection.streams.isEmpty else { continue }
            lost(connection, "closed for another server")
            return true
        }
        return false
    }
}
