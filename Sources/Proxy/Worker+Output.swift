// Sends to clients, ends connections, and lets the other side go on when there is room again.

internal import Bytes
internal import HTTP1
internal import Policy
internal import Transport

extension Worker {
    /// Most bytes that are read and thrown away before a connection closes.
    static let lingerBytes = 1024 * 1024
    /// Milliseconds that an idle connection has for a last request when draining begins.
    private static let lastRequestTime = 1000

    /// Sends what waits for a client; whoever was paused for it goes on when half of the mark is left.
    func flush(_ client: ClientConnection) {
        if case .closed = client.state { return }
        guard sendAll(client) else { return left(client) }
        if client.output.isEmpty {
            if client.closesAfterOutput { return finishClosing(client) }
            if client.exchange == nil { client.output.release() }
        } else {
            client.deadline.set(clock.milliseconds + snapshot.limits.bodyTimeout, for: client.id, in: &timers)
        }
        resumeUpstream(of: client)
        if canGoOn(client) { queue(client) }
    }

    /// Sends until everything is gone or the kernel has no room; false if the connection is dead.
    private func sendAll(_ client: ClientConnection) -> Bool {
        while !client.output.isEmpty {
            switch client.socket.send(client.output.span) {
            case .bytes(let count): client.output.consume(count)
            case .wouldBlock: return true
            case .failed: return false
            }
        }
        // The deadline was that of reading the answer, unless something else is waited for.
        if let exchange = client.exchange, exchange.phase == .relaying, exchange.requestBody.hasEnded {
            client.deadline.clear()
        }
        return true
    }

    /// Sends what the kernel takes at once, of an answer that is about to be cut off.
    func flushOnce(_ client: ClientConnection) {
        _ = sendAll(client)
    }

    private func resumeUpstream(of client: ClientConnection) {
        guard let exchange = client.exchange, let upstream = exchange.upstream, upstream.isPaused,
            client.output.count <= snapshot.limits.bufferBytes / 2
        else { return }
        upstream.isPaused = false
        noteResponseProgress(upstream, exchange)
        queue(upstream)
    }

    /// Closes a connection whose last answer is sent; one with unread input lingers until the peer has read it.
    private func finishClosing(_ client: ClientConnection) {
        // What came behind a last request is not answered, and must not turn the end into a reset either.
        if case .reading = client.state, !client.pending.isEmpty {
            client.pending.release()
            client.state = .lingering(left: Self.lingerBytes)
        }
        guard case .lingering = client.state else { return close(client) }
        client.closesAfterOutput = false
        client.socket.shutDownSending()
        client.deadline.set(clock.milliseconds + Self.lingerTime, for: client.id, in: &timers)
    }

    /// Closes a client connection.
    func close(_ client: ClientConnection) {
        client.state = .closed
        connections.remove(client.id)
    }

    /// Stops accepting, and closes what is idle; exchanges end their connections when they end.
    func drain() {
        guard !isDraining else { return }
        // Who has connected already would be reset when the sockets close: they are taken and answered.
        for index in listeners.indices { accept(at: index) }
        isDraining = true
        acceptsAgainAt = nil
        for box in listeners { poller.unwatch(box.socket.descriptor) }
        listeners = []
        for client in connections.allClients {
            guard case .reading = client.state, !client.hasPartialHead else { continue }
            // Its next request may be on its way: closing now would lose it, so it has a moment to arrive, and gets
            // an answer that closes the connection.
            client.deadline.set(clock.milliseconds + Self.lastRequestTime, for: client.id, in: &timers)
        }
    }

    /// Closes a connection that waits for no answer as soon as its output is empty.
    func closeWhenSent(_ client: ClientConnection) {
        client.closesAfterOutput = true
        flush(client)
    }

    /// Ends all exchanges, for the end of the process.
    func closeEverything() {
        for client in connections.allClients {
            guard let exchange = client.exchange else { continue }
            exchange.record.reason = .failure(.draining)
            log(exchange)
            close(client)
        }
    }
}
