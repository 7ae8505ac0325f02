// What a worker does when keys are late, servers break and clients leave.

import Bytes
import Glibc
import Policy
import Testing
import Transport

@testable import Proxy

/// All tests with sockets run one after another, as they count the descriptors of the process.
@Suite(.serialized, .timeLimit(.minutes(3))) enum WorkerTests {}

/// A small good answer.
let ok = "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok"

extension ScriptedServer {
    /// A server that answers every request without a body with a small good answer.
    static func answering() throws -> ScriptedServer {
        try ScriptedServer { peer, _, server in
            while server.request(from: peer) != nil { peer.send(ok) }
        }
    }
}

extension WorkerTests {
    @Suite struct `A worker whose servers and clients break` {
        @Test func `answers a request that waited for keys and is refused`() throws {
            let gateway = try TestGateway(servers: [1], hasKeys: false)
            let client = Peer(port: gateway.port)
            let token = try gateway.token(audience: "https://other.example")
            client.send("GET /notion HTTP/1.1\r\nHost: gw.example\r\nAuthorization: Bearer \(token)\r\n\r\n")
            Clock.sleep(milliseconds: 50)
            gateway.publishKeys()
            #expect(client.receive(through: "\r\n\r\n").text.hasPrefix("HTTP/1.1 401 "))
            gateway.stop()
        }

        @Test func `answers a request that was pipelined behind a slowly read answer`() throws {
            let gateway = try TestGateway(servers: [1], isByHand: true)
            let worker = try gateway.makeWorker()
            let client = Peer(port: gateway.port, receiveBuffer: 65_536)
            let connection = try worker.idleStream(of: client)
            connection.output.append([UInt8](repeating: 0x61, count: 9_000_000).span)
            connection.pending.append("GET /healthz HTTP/1.1\r\nHost: x\r\n\r\n")
            worker.flush(connection)
            worker.resume(connection)
            let answer = Flag()
            try Thread.start("reader") {
                client.wait(seconds: 10)
                if client.receive(through: "{\"status\":\"ready\"}").end == .found { answer.raise() }
            }
            #expect(worker.turn { answer.isUp })
            worker.close(connection)
        }

        @Test func `holds no more than the mark and one receive for a client that does not read`() throws {
            let gateway = try TestGateway(servers: [1], isByHand: true)
            let worker = try gateway.makeWorker()
            worker.turn(milliseconds: 0)
            let client = Peer(port: gateway.port, receiveBuffer: 4096)
            let flood = String(repeating: "GET / HTTP/1.1\r\nHost: x\r\n\r\n", count: 20_000)
            try Thread.start("flood") { client.send(flood) }
            #expect(worker.turn { worker.connections.clientStreams.contains { !$0.output.isEmpty } })
            var most = 0
            for _ in 0..<300 {
                worker.turn(milliseconds: 5)
                for connection in worker.connections.clientStreams {
                    most = max(most, connection.output.count + connection.pending.count)
                }
            }
            #expect(most > 0)
            #expect(most <= worker.snapshot.limits.windowBytes + Worker.receiveSize + 4096)
            gateway.send(.stop)
            worker.closeAll()
        }

        @Test func `cuts an answer off whose server resets the connection that ends it`() throws {
            let mayReset = Flag()
            let server = try ScriptedServer { peer, _, server in
                _ = server.request(from: peer)
                peer.send("HTTP/1.1 200 OK\r\n\r\nhalf")
                while !mayReset.isUp { Clock.sleep(milliseconds: 5) }
                peer.resetAtEnd()
            }
            let gateway = try TestGateway(servers: [server.port])
            let client = Peer(port: gateway.port)
            client.send(try gateway.request())
            let begun = client.receive(through: "half")
            #expect(begun.end == .found)
            mayReset.raise()
            let text = begun.text + client.receive().text
            #expect(!text.contains("0\r\n\r\n"))
            gateway.stop()
            #expect(gateway.logged().contains("\"reason\":\"upstream_aborted\""))
        }

        @Test func `does not wait for ever for a server that stalls after its client was slow`() throws {
            let mayStall = Flag()
            let server = try ScriptedServer { peer, _, server in
                _ = server.request(from: peer)
                peer.send("HTTP/1.1 200 OK\r\nContent-Length: 100000000\r\n\r\n")
                while !mayStall.isUp {
                    peer.send([UInt8](repeating: 0x61, count: 50_000))
                    Clock.sleep(milliseconds: 1)
                }
                _ = peer.receive()
            }
            let gateway = try TestGateway(servers: [server.port], isByHand: true) { $0.bodyTimeout = 3000 }
            let worker = try gateway.makeWorker()
            let client = Peer(port: gateway.port, receiveBuffer: 65_536)
            client.send(try gateway.request())
            #expect(
                worker.turn {
                    worker.connections.clientStreams.first?.exchange?.upstream?.isPaused ?? false
                }
            )
            mayStall.raise()
            // What the server still sent waits in the worker's socket, and fills it no more.
            let end = Flag()
            try Thread.start("reader") {
                client.wait(seconds: 10)
                if client.receive().end != .silence { end.raise() }
            }
            #expect(worker.turn { end.isUp })
            #expect(worker.connections.clients == 0)
        }

        @Test func `blames the server that does not take the request`() throws {
            let mayEnd = Flag()
            let server = try ScriptedServer(receiveBuffer: 4096) { peer, _, _ in
                while !mayEnd.isUp { Clock.sleep(milliseconds: 5) }
                _ = peer
            }
            let gateway = try TestGateway(servers: [server.port]) {
                // A client whose thread stands still for so long would be blamed itself.
                $0.bodyTimeout = 2500
                $0.bodyBytes = 64_000_000
            }
            let client = Peer(port: gateway.port)
            let request = try gateway.post(padding: 32_000_000)
            try Thread.start("sender") { client.send(request) }
            #expect(client.receive(through: "\r\n\r\n").text.hasPrefix("HTTP/1.1 504 "))
            mayEnd.raise()
            gateway.stop()
        }

        @Test func `forwards a provisional response at once`() throws {
            let mayAnswer = Flag()
            let server = try ScriptedServer { peer, _, server in
                _ = server.request(from: peer)
                peer.send("HTTP/1.1 103 Early Hints\r\nLink: </x>\r\n\r\n")
                while !mayAnswer.isUp { Clock.sleep(milliseconds: 5) }
                peer.send(ok)
            }
            let gateway = try TestGateway(servers: [server.port])
            let client = Peer(port: gateway.port)
            client.send(try gateway.request())
            #expect(client.receive(through: "\r\n\r\n").text.hasPrefix("HTTP/1.1 103 "))
            mayAnswer.raise()
            #expect(client.receive(through: "\r\n\r\nok").end == .found)
            gateway.stop()
        }

        @Test func `relays the early answer of a server that closes while the request is on its way`() throws
        {
            let server = try ScriptedServer { peer, _, server in
                _ = server.request(from: peer)
                peer.send("HTTP/1.1 429 Too Many Requests\r\nContent-Length: 2\r\n\r\nno")
                peer.resetAtEnd()
            }
            let gateway = try TestGateway(servers: [server.port]) { $0.bodyBytes = 64_000_000 }
            let client = Peer(port: gateway.port)
            let request = try gateway.post(padding: 8_000_000)
            try Thread.start("sender") { client.send(request) }
            #expect(client.receive(through: "\r\n\r\nno").text.hasPrefix("HTTP/1.1 429 "))
            gateway.stop()
            #expect(server.requests.count == 1)
        }

        @Test func `does not send a request twice that a server took and then reset`() throws {
            let server = try ScriptedServer { peer, number, server in
                guard number == 1 else {
                    while server.request(from: peer) != nil { peer.send(ok) }
                    return
                }
                _ = server.request(from: peer)
                peer.send(ok)
                _ = server.request(from: peer)
                peer.resetAtEnd()
            }
            let gateway = try TestGateway(servers: [server.port])
            for status in ["200", "502"] {
                let client = Peer(port: gateway.port)
                client.send(try gateway.request())
                #expect(client.receive(through: "\r\n\r\n").text.hasPrefix("HTTP/1.1 \(status) "))
            }
            #expect(server.requests.count == 2)
            gateway.stop()
        }

        @Test func `sends a request anew that met a connection which its server had closed`() throws {
            let mayClose = Flag()
            let server = try ScriptedServer { peer, number, server in
                _ = server.request(from: peer)
                peer.send(ok)
                if number == 1 {
                    while !mayClose.isUp { Clock.sleep(milliseconds: 2) }
                    peer.shutDown()
                } else {
                    while server.request(from: peer) != nil { peer.send(ok) }
                }
            }
            let gateway = try TestGateway(servers: [server.port], isByHand: true)
            let worker = try gateway.makeWorker()
            let client = Peer(port: gateway.port)
            client.send(try gateway.request())
            worker.turn { client.holds("\r\n\r\nok") }
            #expect(client.receive(through: "\r\n\r\nok").end == .found)
            // The worker does not see the end of the connection before it has sent the request.
            let upstream = try #require(worker.connections.upstreamStreams.first)
            mayClose.raise()
            #expect(wait(for: POLLIN, at: upstream.channel?.socket.descriptor))
            let connection = try #require(worker.connections.clientStreams.first)
            client.send(try gateway.post(id: 1))
            #expect(wait(for: POLLIN, at: connection.channel?.socket.descriptor))
            worker.clock.refresh()
            worker.receive(connection)
            worker.turn { client.holds("\r\n\r\nok") }
            #expect(client.receive(through: "\r\n\r\nok").text.hasPrefix("HTTP/1.1 200 "))
            #expect(server.requests.count == 2)
            #expect(gateway.health.snapshotOfStates().map(\.failures) == [0], "the server did nothing wrong")
            worker.close(connection)
        }

        @Test func `touches nothing of an exchange whose client has left while it waited`() throws {
            let server = try ScriptedServer.answering()
            let gateway = try TestGateway(servers: [server.port], isByHand: true)
            let worker = try gateway.makeWorker()
            let first = Peer(port: gateway.port)
            first.send(try gateway.request())
            worker.turn { first.holds("\r\n\r\nok") }
            #expect(first.receive(through: "\r\n\r\nok").end == .found)
            worker.generation.keys[IssuerID(0)] = IssuerKeys()
            worker.tokens = TokenCache(capacity: 4, subjectKey: [1].span)
            try leaveWhileWaiting(gateway, worker)
            worker.adopt(gateway.keys, for: IssuerID(0))
            #expect(worker.spareExchanges.allSatisfy { $0.upstream == nil && $0.client == nil })
            first.send(try gateway.request())
            worker.turn { first.holds("\r\n\r\nok") }
            #expect(first.receive(through: "\r\n\r\nok").text.hasPrefix("HTTP/1.1 200 "))
            #expect(server.requests.count == 2)
        }

        /// A client whose request is parked resets its connection, and the worker does not know it yet.
        private func leaveWhileWaiting(_ gateway: TestGateway, _ worker: Worker) throws {
            let second = Peer(port: gateway.port)
            second.send(
                try gateway.request("POST", fields: "Content-Length: 3\r\nExpect: 100-continue\r\n")
            )
            #expect(worker.turn { worker.parked.count == 1 })
            second.resetAtEnd()
        }

        @Test func `forwards nothing for a client that is found dead on the way`() throws {
            let server = try ScriptedServer.answering()
            let gateway = try TestGateway(servers: [server.port], isByHand: true)
            let worker = try gateway.makeWorker()
            worker.turn(milliseconds: 0)
            var client: Peer? = Peer(port: gateway.port)
            let connection = try worker.idleStream(of: try #require(client))
            client?.resetAtEnd()
            client = nil
            let dying = try gateway.request("POST", fields: "Content-Length: 1\r\nExpect: 100-continue\r\n")
            connection.pending.append(dying + (try gateway.request()))
            worker.resume(connection)
            for _ in 0..<10 { worker.turn(milliseconds: 10) }
            #expect(worker.turn { worker.connections.clients == 0 })
            #expect(server.requests.isEmpty)
        }

        @Test func `keeps no receive buffer for a head that came in two pieces`() throws {
            let gateway = try TestGateway(servers: [1], isByHand: true)
            let worker = try gateway.makeWorker()
            let client = Peer(port: gateway.port)
            var sent = 0
            for piece in ["GET / HTTP/1.1\r\n", "Host:", " x\r\n\r\n"] {
                client.send(piece)
                sent += piece.utf8.count
                worker.turn {
                    worker.connections.clientStreams.first?.pending.count == sent || client.holds("\r\n\r\n")
                }
                let connection = try #require(worker.connections.clientStreams.first)
                #expect(connection.pending.capacity <= 1024)
            }
            #expect(client.receive(through: "\r\n\r\n").text.hasPrefix("HTTP/1.1 421 "))
        }
    }
}
