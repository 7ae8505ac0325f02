// The budget for what is held whole: bodies of requests until they are judged and sent, lists of tools while filtered.

internal import HTTP
internal import Policy
internal import Transport

extension Worker {
    /// Milliseconds that a request waits for room for its body.
    private static let memoryPatience = 5000
    /// Most exchanges that go on when memory is given back, so that giving back costs little however many wait.
    private static let wakeShare = 32

    /// Sets memory aside for `count` more octets of a body. If there is not so much, the exchange waits.
    ///
    /// Up to a window's worth only what has arrived counts, so that announcing costs nobody anything; a larger body has
    /// room to its end, or to the most that a body may be. A quarter of the budget is kept for bodies below a window's
    /// worth, and no route has more than half of it: large bodies do not hold up ordinary calls, nor one route another.
    func reserve(_ count: Int, for exchange: Exchange) -> Bool {
        let limits = exchange.snapshot.limits
        let announced: Int? =
            switch exchange.request.framing {
            case .length(let length): length
            case .none, .chunked, .untilClose: nil
            }
        let arrived = min(exchange.bodyLength + count, announced ?? limits.bodyBytes)
        let bytes = arrived <= limits.windowBytes ? arrived : announced ?? limits.bodyBytes
        let isSmall = bytes <= limits.windowBytes
        let room = isSmall ? limits.bufferedBytes : max(limits.bufferedBytes / 4 * 3, limits.bodyBytes)
        if hold(bytes, for: exchange, of: room) {
            exchange.waitsForMemoryUntil = nil
            return true
        }
        let until = exchange.waitsForMemoryUntil ?? clock.milliseconds + Self.memoryPatience
        exchange.waitsForMemoryUntil = until
        exchange.phase = .awaitingMemory
        guard let client = exchange.client else { return false }
        awaitingMemory.append(client.id) { connections.client($0)?.exchange?.phase == .awaitingMemory }
        client.deadline.set(until, for: client.id, in: timers)
        return false
    }

    /// Makes `bytes` count as held by an exchange, if they are no more than `room` together with what others hold.
    func hold(_ bytes: Int, for exchange: Exchange, of room: Int? = nil) -> Bool {
        let more = bytes - exchange.reservedBytes
        guard more > 0, let route = exchange.record.route else { return true }
        let limits = exchange.snapshot.limits
        let generation = exchange.generation
        let share =
            generation.reservedByRoute.count > 1 ? max(limits.bufferedBytes / 2, limits.bodyBytes) : .max
        guard reservedBytes + more <= room ?? limits.bufferedBytes,
            generation.reservedByRoute[route.index] + more <= share
        else { return false }
        reservedBytes += more
        if reservedBytes + bodyMemory.bytes > limits.bufferedBytes { bodyMemory.freeAll() }
        generation.reservedByRoute[route.index] += more
        exchange.reservedBytes = bytes
        return true
    }

    /// Gives memory back that is not used any more.
    func release(_ exchange: Exchange, downTo bytes: Int = 0) {
        guard exchange.reservedBytes > bytes, let route = exchange.record.route else { return }
        let freed = exchange.reservedBytes - bytes
        exchange.reservedBytes = bytes
        release(freed, of: route, exchange.generation)
    }

    /// Lets what an answer takes that was held whole count until it has left.
    func leaveMemory(of exchange: Exchange, to client: ClientStream) {
        release(exchange, downTo: client.backlog)
        guard exchange.reservedBytes > 0, let route = exchange.record.route else { return }
        releaseAnswer(of: client)
        client.reserved = (exchange.reservedBytes, route, exchange.generation)
        exchange.reservedBytes = 0
    }

    /// Gives back what is held for an answer that has left.
    func releaseAnswer(of client: ClientStream) {
        guard let (bytes, route, generation) = client.reserved else { return }
        client.reserved = nil
        release(bytes, of: route, generation)
    }

    /// Gives memory back, and goes on with some of those who wait for it.
    private func release(_ bytes: Int, of route: RouteID, _ generation: Generation) {
        reservedBytes -= bytes
        generation.reservedByRoute[route.index] -= bytes
        for id in awaitingMemory.takeFirst(Self.wakeShare) {
            guard let client = connections.client(id), let waiting = client.exchange,
                waiting.phase == .awaitingMemory
            else { continue }
            waiting.phase = .readingBody
            awaitBody(of: waiting, client)
            queue(client)
        }
    }
}
