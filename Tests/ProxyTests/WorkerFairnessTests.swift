// What one connection may not do to the others of its worker.

import Bytes
import Policy
import Testing
import Transport

@testable import Proxy

extension WorkerTests {
    @Suite struct `A worker whose connections are not alike` {
        @Test func `serves a quiet client in the round in which another floods it`() throws {
            let gateway = try TestGateway(servers: [1], isByHand: true)
            let worker = try gateway.makeWorker()
            let loud = Peer(port: gateway.port)
            for _ in 0..<3 { worker.turn(milliseconds: 10) }
            // A body that is thrown away takes no time of the client's: only the cap ends its turn.
            let head = "POST / HTTP/1.1\r\nHost: gw.example\r\nTransfer-Encoding: chunked\r\n\r\n"
            try Thread.start("flood") {
                loud.send(head)
                let chunk = "10000\r\n" + String(repeating: "x", count: 65_536) + "\r\n"
                while loud.send(chunk) {}
            }
            Clock.sleep(milliseconds: 200)
            let quiet = Peer(port: gateway.port)
            quiet.send("GET /healthz HTTP/1.1\r\nHost: x\r\n\r\n")
            Clock.sleep(milliseconds: 50)
            // One round takes the connection, the next its request, however much waits of the other's.
            for _ in 0..<3 { worker.turn(milliseconds: 0) }
            quiet.wait(seconds: 1)
            #expect(quiet.receive(through: "\r\n\r\n").text.hasPrefix("HTTP/1.1 200 "))
            worker.closeAll()
        }

        @Test func `lets an event for a connection that was closed earlier in its batch hit nobody`() throws {
            let gateway = try TestGateway(servers: [1], isByHand: true)
            let worker = try gateway.makeWorker()
            let first = Peer(port: gateway.port)
            let gone = try worker.idleStream(of: first).id
            worker.closeAll()
            // The slot goes to the next connection; the old number does not lead to it.
            let second = Peer(port: gateway.port)
            let next = try worker.idleStream(of: second)
            #expect(next.id.token & 0xFFFF_FFFF == gone.token & 0xFFFF_FFFF)
            #expect(next.id != gone)
            #expect(worker.connections.client(gone) == nil)
            #expect(first.receive(through: "\n").end == .closed)
            second.send("GET /healthz HTTP/1.1\r\nHost: x\r\n\r\n")
            worker.turn { second.holds("\r\n\r\n") }
            #expect(second.receive(through: "\r\n\r\n").text.hasPrefix("HTTP/1.1 200 "))
            worker.close(next)
        }
    }
}
