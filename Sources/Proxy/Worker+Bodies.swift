// Large bodies of requests: received where they stay, and sent from there.

internal import Bytes
internal import HTTP
internal import HTTP1
internal import Policy
internal import Transport

extension Worker {
    /// Octets of a large body that one receive takes at most.
    private static let bodyReceiveSize = 256 * 1024

    /// Gives a large body whose length is known its room to the end, once that is set aside. Pages that nothing arrives
    /// for are not touched: who announces much and sends little takes little.
    func makeRoom(for exchange: Exchange) {
        guard case .length(let length) = exchange.request.framing, exchange.reservedBytes >= length,
            length > snapshot.limits.windowBytes, exchange.body.capacity < length
        else { return }
        bodyMemory.makeRoom(length, in: &exchange.body)
    }

    /// How many octets can be received right into the body that a client sends; 0 if others may be among them, or if
    /// the body has no room to its end.
    func roomInBody(from client: ClientStream, _ channel: Channel) -> Int {
        guard let exchange = client.exchange, let left = exchange.requestBody.remaining else { return 0 }
        let length = exchange.bodyLength + left
        guard exchange.reservedBytes >= length, exchange.body.capacity >= length else { return 0 }
        guard channel.isSecure else { return min(left, Self.bodyReceiveSize) }
        // TLS may have kept a part of a record of before.
        return left >= 2 * Self.receiveSize ? Self.receiveSize : 0
    }

    /// Receives at most `room` octets into a body, and decides when it is complete.
    func receiveBody(from client: ClientStream, _ channel: Channel, room: Int) -> ChannelInput {
        guard let exchange = client.exchange else { return .wouldBlock }
        let result = channel.receive(into: &exchange.body, room: room)
        let count = exchange.body.count - exchange.bodyLength
        guard count > 0 else { return result }
        exchange.bodyLength += count
        exchange.requestBody.advance(count)
        if exchange.requestBody.hasEnded {
            decideOnBody(of: exchange)
        } else {
            awaitBody(of: exchange, client)
        }
        return result
    }

    /// Sends what is left of a body from where it is; nil when all of it has gone.
    func sendBody(of exchange: Exchange, _ channel: Channel) -> SendResult? {
        while exchange.sentBodyBytes < exchange.body.count {
            let result = channel.send(exchange.body.span.extracting(exchange.sentBodyBytes...))
            guard case .bytes(let count) = result else { return result }
            exchange.sentBodyBytes += count
        }
        exchange.hasSentRequest = true
        return nil
    }

    /// Forgets the body of a request. The memory of a large one is kept a moment for the next.
    func forgetBody(of exchange: Exchange) {
        let limits = snapshot.limits
        // A quarter at the most, and only of what no body takes.
        let most = min(limits.bufferedBytes / 4, limits.bufferedBytes - reservedBytes)
        bodyMemory.keep(&exchange.body, most: most, now: clock.milliseconds)
        exchange.forgetBody()
    }
}
