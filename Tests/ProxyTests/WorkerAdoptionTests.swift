// Exchanges through changes of the configuration.

import JOSE
import Policy
import Testing
import Transport

@testable import Proxy

extension WorkerTests {
    @Suite struct `A worker that takes configurations over` {
        private static let streamHead =
            "HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nTransfer-Encoding: chunked\r\n\r\n"

        /// A worker, and a way to give it the next configuration, which is like the one before.
        private final class Stage {
            let server: ScriptedServer
            let gateway: TestGateway
            let worker: Worker
            private var publisher = Publisher()

            init() throws {
                server = try ScriptedServer { peer, _, server in
                    _ = server.request(from: peer)
                    peer.send(streamHead + "1\r\n.\r\n")
                    _ = peer.receive(through: "never")
                }
                gateway = try TestGateway(servers: [server.port], isByHand: true)
                worker = try gateway.makeWorker()
                // The number of the configuration that the worker began with.
                _ = publisher.publish(try TestGateway.snapshot([server.port]))
            }

            func reload() throws {
                var ring = KeyRing(count: 1)
                ring[IssuerID(0)] = gateway.keys
                worker.adopt(publisher.publish(try TestGateway.snapshot([server.port])), [], keys: ring)
                worker.turn(milliseconds: 0)
            }
        }

        @Test func `keeps a configuration for each that an exchange began with, up to a bound`() throws {
            let stage = try Stage()
            var peers: [Peer] = []
            // The gate closes with the first configuration that has no listener: all connect before.
            for _ in 0...Worker.maximumOlderGenerations + 1 { peers.append(Peer(port: stage.gateway.port)) }
            stage.worker.turn { stage.worker.connections.clients == peers.count }
            for (number, peer) in peers.enumerated() {
                peer.send(try stage.gateway.request())
                stage.worker.turn { peer.holds("1\r\n.\r\n") }
                #expect(peer.receive(through: "1\r\n.\r\n").end == .found)
                try stage.reload()
                let kept = min(number + 1, Worker.maximumOlderGenerations)
                #expect(stage.worker.olderGenerations.count == kept)
            }
            stage.worker.turn { stage.worker.connections.clients == peers.count - 2 }
            #expect(stage.gateway.logged().split(separator: "\n").count == 2)
            for peer in peers.prefix(2) { #expect(peer.receive(through: "never").end != .found) }
            #expect(stage.worker.connections.clientStreams.count == peers.count - 2)
        }

        @Test func `decides under the new one on a request that waited for keys`() throws {
            let server = try ScriptedServer.answering()
            let gateway = try TestGateway(servers: [server.port], hasKeys: false, isByHand: true)
            let worker = try gateway.makeWorker()
            let client = Peer(port: gateway.port)
            client.send(try gateway.request())
            #expect(worker.turn { worker.parked.count == 1 })
            var publisher = Publisher()
            _ = publisher.publish(try TestGateway.snapshot([server.port]))
            var keys = KeyRing(count: 1)
            keys[IssuerID(0)] = gateway.keys
            worker.adopt(publisher.publish(try TestGateway.snapshot([server.port])), [], keys: keys)
            worker.turn { client.holds("\r\n\r\nok") }
            #expect(client.receive(through: "\r\n\r\nok").text.hasPrefix("HTTP/1.1 200 "))
            #expect(worker.parked.count == 0)
        }
    }
}
