// Takes connections, and stops taking them while the process has no room.

internal import Logging
internal import OpenSSL
internal import Policy
internal import Transport

extension Worker {
    /// Connections taken in one round from one listener.
    private static let acceptShare = 64
    /// Milliseconds of a pause in accepting.
    private static let acceptPause = 100
    /// Milliseconds between two messages about pauses.
    private static let pauseSilence = 10_000

    /// Most client connections at a time.
    private var maximumClients: Int { min(snapshot.limits.connections, services.descriptors.clients) }

    func watch(_ gates: [Gate]) throws(SystemError) {
        for gate in gates {
            let token = Self.listenerToken + UInt64(gate.descriptor)
            try poller.watchLevel(gate.descriptor, token: token, isShared: true)
        }
    }

    /// Watches gates; if the system refuses, accepting pauses and is tried again.
    func watchOrPause(_ gates: [Gate]) {
        do {
            try watch(gates)
        } catch {
            services.logger.error("Listeners could not be watched.", metadata: ["error": "\(error)"])
            pause()
        }
    }

    /// Takes connections from the socket with this descriptor.
    func accept(from descriptor: CInt) {
        if let gate = gates.first(where: { $0.descriptor == descriptor }) { accept(at: gate) }
    }

    /// Takes connections at a gate, which may be one of before.
    func accept(at gate: Gate) {
        for _ in 0..<Self.acceptShare {
            guard connections.clients < maximumClients else {
                return pauseAccepting("limit reached")
            }
            switch gate.box.socket.accept() {
            case .connection(let socket, let peer): open(socket, peer, at: gate.listener)
            case .wouldBlock: return
            case .exhausted(let error): return pauseAccepting("\(error)")
            }
        }
    }

    /// Takes everybody who has connected already, as far as there are descriptors.
    ///
    /// Closing a socket resets who waits in its queue, which is worse than a few connections beyond the bound. Where another process has the same socket, one who came while
    /// this worker was waiting may have woken nobody else.
    func takeLastConnections(at gate: Gate) {
        for _ in 0..<ListeningSocket.backlog {
            guard connections.clients < services.descriptors.clients,
                case .connection(let socket, let peer) = gate.box.socket.accept()
            else { break }
            open(socket, peer, at: gate.listener)
        }
    }

    private func open(_ socket: consuming Socket, _ peer: SocketAddress, at published: PublishedListener) {
        let listener = published.facts
        counters.totals.accepted += 1
        let awaitsProxyHeader = published.proxyNetworks.contains { $0.contains(peer) }
        let place: AddressPlace?
        do throws(AddressRefusal) {
            // Of a proxy in front the address counts that it tells, and not its own.
            place = awaitsProxyHeader ? nil : try enter(peer, at: listener)
        } catch {
            return
        }
        let tls: TLSSession?
        do throws(OpenSSLError) {
            tls = try listener.tls?.makeSession()
        } catch {
            services.logger.error("A TLS session could not be made.", metadata: ["error": "\(error)"])
            return
        }
        let id = connections.reserve()
        let arrival = Arrival(
            id: id,
            channel: Channel(socket, tls: tls, memory: ciphertext),
            listener: listener,
            peer: peer,
            awaitsProxyHeader: awaitsProxyHeader
        )
        arrival.channel.place = place
        connections.store(.arrival(arrival), at: id)
        do {
            try poller.watchEdges(arrival.channel.socket.descriptor, token: id.token)
        } catch {
            services.logger.error("A connection could not be watched.", metadata: ["error": "\(error)"])
            connections.remove(id)
            return
        }
        let patience =
            isSilenceAllowed(on: arrival) ? snapshot.limits.idleTimeout : snapshot.limits.handshakeTimeout
        arrival.deadline.set(clock.milliseconds + patience, for: id, in: timers)
    }

    /// Whether a client may connect and say nothing: without TLS and without a proxy in front nothing is owed.
    func isSilenceAllowed(on arrival: Arrival) -> Bool {
        !arrival.channel.isSecure && !arrival.awaitsProxyHeader
    }

    /// Leaves connections in the kernel's queue for a moment: asking again at once would only turn the loop.
    private func pauseAccepting(_ why: String) {
        guard acceptsAgainAt == nil else { return }
        counters.totals.pauses += 1
        if clock.milliseconds >= saysPauseFrom {
            saysPauseFrom = clock.milliseconds + Self.pauseSilence
            services.logger.warning(
                "Accepting pauses.",
                metadata: ["reason": "\(why)", "connections": "\(connections.clients)"]
            )
        }
        pause()
    }

    private func pause() {
        unwatchGates()
        acceptsAgainAt = clock.milliseconds + Self.acceptPause
        timers.insert(Self.mailboxToken, due: clock.milliseconds + Self.acceptPause)
    }

    func unwatchGates() {
        for gate in gates { poller.unwatch(gate.descriptor) }
    }

    /// Begins to accept after a start that waited for it, on sockets that may not listen yet.
    func beginAccepting() {
        isWaiting = false
        for gate in gates {
            do throws(SystemError) {
                try gate.box.socket.listen()
            } catch {
                services.logger.error("A socket does not listen.", metadata: ["error": "\(error)"])
            }
        }
        acceptAgain()
    }

    func acceptAgain() {
        acceptsAgainAt = nil
        watchOrPause(gates)
    }
}
