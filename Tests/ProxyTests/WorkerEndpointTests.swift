// Several endpoints and addresses, their limits and their health, as one worker meets them.

import Bytes
import Glibc
import Policy
import Testing
import Transport

@testable import Proxy

extension WorkerTests {
    @Suite struct `A worker before several endpoints` {
        private func rules(_ change: (inout EndpointRules) -> Void) -> EndpointRules {
            var rules = EndpointRules()
            change(&rules)
            return rules
        }

        private func address(_ host: String) throws -> SocketAddress {
            try #require(SocketAddress(host: host, port: 0))
        }

        /// A server that answers a request when its turn has come: each `go` is for one answer.
        private func holding(_ go: Turns) throws -> ScriptedServer {
            try ScriptedServer { peer, _, server in
                while server.request(from: peer) != nil {
                    go.take()
                    peer.send(ok)
                }
            }
        }

        /// The use of the first endpoint's request slots.
        private func use(_ gateway: TestGateway) -> EndpointState? { gateway.health.snapshotOfStates().first }

        // MARK: - Limits

        @Test func `lets requests beyond the limit wait for their turn, and refuses those beyond the queue`()
            throws
        {
            let go = Turns()
            let server = try holding(go)
            let gateway = try TestGateway(
                servers: [server.port],
                rules: rules { ($0.limits.requests, $0.limits.queue, $0.limits.queueTimeout) = (1, 1, 5000) }
            )
            let clients = (0..<3).map { _ in Peer(port: gateway.port) }
            clients[0].send(try gateway.post(id: 0))
            #expect(eventually { server.requests.count == 1 })
            clients[1].send(try gateway.post(id: 1))
            #expect(eventually { use(gateway)?.waiting == 1 })
            clients[2].send(try gateway.post(id: 2))
            let refused = clients[2].receive(through: "}}").text
            #expect(refused.hasPrefix("HTTP/1.1 503 "))
            #expect(refused.contains("\r\nRetry-After: 5\r\n"))
            #expect(refused.contains("\"id\":2"))
            #expect(server.requests.count == 1)
            go.give(2)
            for client in clients[..<2] {
                #expect(client.receive(through: "\r\n\r\nok").text.hasPrefix("HTTP/1.1 200 "))
            }
            #expect(eventually { use(gateway)?.requests == 0 })
            gateway.stop()
            #expect(gateway.logged().contains("\"reason\":\"upstream_queue_full\""))
        }

        @Test func `ends the wait of a request that waits for too long, and of a client that leaves`() throws
        {
            let go = Turns()
            let server = try holding(go)
            let gateway = try TestGateway(
                servers: [server.port],
                rules: rules { ($0.limits.requests, $0.limits.queueTimeout) = (1, 3000) }
            )
            let first = Peer(port: gateway.port)
            first.send(try gateway.post(id: 0))
            #expect(eventually { server.requests.count == 1 })
            let late = Peer(port: gateway.port)
            late.send(try gateway.post(id: 1))
            #expect(late.receive(through: "}}").text.hasPrefix("HTTP/1.1 503 "))
            var leaving: Peer? = Peer(port: gateway.port)
            leaving?.send(try gateway.post(id: 2))
            #expect(eventually { use(gateway)?.waiting == 1 })
            leaving = nil
            #expect(eventually { use(gateway)?.waiting == 0 })
            // The one who was refused may ask again, on the same connection.
            late.send(try gateway.post(id: 3))
            go.give(2)
            #expect(first.receive(through: "\r\n\r\nok").end == .found)
            #expect(late.receive(through: "\r\n\r\nok").end == .found)
            #expect(eventually { use(gateway)?.requests == 0 })
            #expect(server.requests.count == 2)
            gateway.stop()
            #expect(gateway.logged().contains("\"reason\":\"upstream_queue_timeout\""))
        }

        @Test func `streams that only listen do not count as requests`() throws {
            let server = try ScriptedServer { peer, _, server in
                while let request = server.request(from: peer) {
                    guard request.hasPrefix("GET") else {
                        peer.send(ok)
                        continue
                    }
                    peer.send("HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\n\r\ndata: 1\n\n")
                    _ = peer.receive()
                }
            }
            let gateway = try TestGateway(
                servers: [server.port],
                rules: rules { ($0.limits.requests, $0.limits.queue) = (1, 0) }
            )
            let listeners = try (0..<3).map { _ in
                let client = Peer(port: gateway.port)
                client.send(try gateway.request())
                #expect(client.receive(through: "data: 1\n\n").end == .found)
                return client
            }
            let client = Peer(port: gateway.port)
            client.send(try gateway.post(id: 1))
            #expect(client.receive(through: "\r\n\r\nok").text.hasPrefix("HTTP/1.1 200 "))
            withExtendedLifetime(listeners) {}
            gateway.stop()
        }

        @Test func `hands a connection on to who waits for one, and opens no more than allowed`() throws {
            let (go, most) = (Turns(), Count())
            let server = try ScriptedServer { peer, number, server in
                most.note(number)
                while server.request(from: peer) != nil {
                    go.take()
                    peer.send(ok)
                }
            }
            let gateway = try TestGateway(
                servers: [server.port],
                rules: rules { ($0.limits.connections, $0.limits.queueTimeout) = (2, 5000) }
            )
            let clients = try (0..<6).map { id in
                let client = Peer(port: gateway.port)
                client.send(try gateway.post(id: id))
                return client
            }
            #expect(eventually { server.requests.count == 2 && use(gateway)?.waiting == 4 })
            go.give(6)
            for client in clients {
                #expect(client.receive(through: "\r\n\r\nok").text.hasPrefix("HTTP/1.1 200 "))
            }
            #expect(most.highest == 2)
            #expect(use(gateway)?.connections == 2, "idle connections count")
            #expect(use(gateway)?.waiting == 0)
            gateway.stop()
        }

        // MARK: - Retries and health

        @Test func `a request that no endpoint has taken goes to the next, and the dead one is ejected`()
            throws
        {
            let server = try ScriptedServer.answering()
            let dead = Deaf(listens: false)
            let gateway = try TestGateway(
                servers: [dead.port, server.port],
                rules: rules { $0.ejection.failures = 3 }
            )
            for id in 0..<40 {
                let client = Peer(port: gateway.port)
                client.send(try gateway.post(id: id))
                #expect(client.receive(through: "\r\n\r\nok").text.hasPrefix("HTTP/1.1 200 "))
            }
            let states = gateway.health.snapshotOfStates()
            #expect(states.map(\.state) == ["ejected", "up"])
            #expect(states[0].failures == 3)
            #expect(states[0].reason.hasPrefix("upstream_connect_failed: "))
            gateway.stop()
        }

        @Test(arguments: [
            ("500", "up"), ("404", "up"), ("502", "ejected"), ("503", "ejected"), ("504", "ejected"),
        ])
        func `of all answers only those of a server that cannot serve eject it`(
            _ status: String,
            _ state: String
        ) throws {
            let server = try ScriptedServer { peer, _, server in
                while server.request(from: peer) != nil {
                    peer.send("HTTP/1.1 \(status) X\r\nContent-Length: 2\r\n\r\nok")
                }
            }
            let gateway = try TestGateway(servers: [server.port])
            let client = Peer(port: gateway.port)
            for id in 0..<5 {
                client.send(try gateway.post(id: id))
                #expect(client.receive(through: "\r\n\r\nok").text.hasPrefix("HTTP/1.1 \(status) "))
            }
            #expect(gateway.health.snapshotOfStates().map(\.state) == [state])
            gateway.stop()
        }

        @Test func `does not give all of its time to an endpoint that does not answer`() throws {
            let server = try ScriptedServer.answering()
            // A listener whose queue is full answers no SYN.
            let stuck = Deaf(listens: true)
            let gateway = try TestGateway(servers: [stuck.port, server.port], connectTimeout: 2000)
            // Chance says which of the two a request goes to first.
            func isKnown() -> Bool {
                gateway.health.snapshotOfStates()[0].reason.hasPrefix("upstream_connect_timeout")
            }
            for id in 0..<100 where !isKnown() {
                let client = Peer(port: gateway.port)
                client.send(try gateway.post(id: id))
                #expect(client.receive(through: "\r\n\r\nok").text.hasPrefix("HTTP/1.1 200 "))
            }
            #expect(isKnown())
            gateway.stop()
        }

        // MARK: - Addresses

        @Test func `uses every address of a name, and leaves one that is gone with what runs there finished`()
            throws
        {
            let go = Turns()
            let first = try holding(go)
            let second = try ScriptedServer(host: 2, port: first.port) { peer, _, server in
                while server.request(from: peer) != nil {
                    go.take()
                    peer.send(ok)
                }
            }
            let gateway = try TestGateway(servers: [first.port], host: "server.test")
            let both = [try address("127.0.0.1"), try address("127.0.0.2")]
            gateway.health.follow(both, of: "server.test")
            gateway.send(.addresses(host: "server.test", both, problem: ""))
            let clients = try (0..<8).map { id in
                let client = Peer(port: gateway.port)
                client.send(try gateway.post(id: id))
                return client
            }
            #expect(eventually { first.requests.count + second.requests.count == 8 })
            #expect(first.requests.count == 4, "the less loaded of two is the less loaded of all")
            gateway.send(.addresses(host: "server.test", [both[1]], problem: ""))
            go.give(16)
            for client in clients {
                #expect(client.receive(through: "\r\n\r\nok").text.hasPrefix("HTTP/1.1 200 "))
            }
            for client in clients { client.send(try gateway.post(id: 9)) }
            for client in clients { #expect(client.receive(through: "\r\n\r\nok").end == .found) }
            #expect(first.requests.count == 4)
            #expect(second.requests.count == 12)
            gateway.stop()
        }

        @Test func `a session stays at its address, and ends with it`() throws {
            let script: ScriptedServer.Script = { peer, _, server in
                while server.request(from: peer) != nil {
                    peer.send("HTTP/1.1 200 OK\r\nMcp-Session-Id: s-1\r\nContent-Length: 2\r\n\r\nok")
                }
            }
            let first = try ScriptedServer(script)
            let second = try ScriptedServer(host: 2, port: first.port, script)
            let gateway = try TestGateway(servers: [first.port], host: "server.test")
            let both = [try address("127.0.0.1"), try address("127.0.0.2")]
            gateway.send(.addresses(host: "server.test", both, problem: ""))
            let client = Peer(port: gateway.port)
            client.send(try gateway.post(id: 0))
            let answer = client.receive(through: "\r\n\r\nok").text
            let field = try #require(
                answer.split(separator: "\r\n").first { $0.hasPrefix("Mcp-Session-Id: ") }
            )
            let (home, other) = first.requests.isEmpty ? (second, first) : (first, second)
            let message = #"{"jsonrpc":"2.0","id":7,"method":"ping"}"#
            func ask() throws -> String {
                let fields = "\(field)\r\nContent-Length: \(message.utf8.count)\r\n"
                client.send(try gateway.request("POST", fields: fields, body: message))
                return client.receiveHead()
            }
            for _ in 0..<10 {
                #expect(try ask().hasPrefix("HTTP/1.1 200 "))
                _ = client.receiveBytes(2)
            }
            #expect(home.requests.count == 11)
            #expect(other.requests.isEmpty)
            gateway.send(.addresses(host: "server.test", [both[home === first ? 1 : 0]], problem: ""))
            let gone = try ask() + client.receive(through: "}}").text
            #expect(gone.hasPrefix("HTTP/1.1 404 "))
            #expect(gone.contains("\"id\":7"))
            #expect(other.requests.isEmpty, "another server could take the id for one of its own")
            gateway.stop()
        }
    }
}

/// Permission to go on, so many times.
private final class Turns: Sendable {
    private let left = Count()

    func give(_ count: Int) { left.add(count) }

    /// Waits for one.
    func take() {
        for _ in 0..<2000 {
            if left.takeOne() { return }
            Clock.sleep(milliseconds: 5)
        }
    }
}
