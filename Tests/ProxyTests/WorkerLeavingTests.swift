// A worker that comes and goes: what it says to load balancers, and whom it leaves in the queue.

import Glibc
import Policy
import Proxy
import Testing
import Transport

@Suite struct WorkerLeavingTests {
    private static let health = "GET /healthz HTTP/1.1\r\nHost: x\r\n\r\n"

    private func status(of peer: Peer) -> Substring {
        peer.send(Self.health)
        return peer.receive(through: "}").text.dropFirst("HTTP/1.1 ".count).prefix(3)
    }

    @Test func `says that it leaves, and serves on`() throws {
        let gateway = try TestGateway(servers: [1])
        let kept = Peer(port: gateway.port)
        #expect(status(of: kept) == "200")
        gateway.send(.announceDrain)
        #expect(eventually { !gateway.status.isReady })
        #expect(status(of: kept) == "503")
        #expect(status(of: Peer(port: gateway.port)) == "503")
        kept.send("GET /elsewhere HTTP/1.1\r\nHost: gw.example\r\n\r\n")
        #expect(kept.receive(through: "}").text.hasPrefix("HTTP/1.1 404 "))
        #expect(!gateway.status.hasDrained)
        gateway.stop()
    }

    @Test func `stays healthy when another process has the sockets, and leaves idle connections their time`()
        throws
    {
        let gateway = try TestGateway(servers: [1])
        let (busy, idle) = (Peer(port: gateway.port), Peer(port: gateway.port))
        #expect(status(of: busy) == "200" && status(of: idle) == "200")
        gateway.send(.drain(isHandedOver: true))
        busy.send(Self.health)
        let (text, end) = busy.receive()
        #expect(text.hasPrefix("HTTP/1.1 200 ") && text.contains("Connection: close") && end == .closed)
        // Longer than the second that an idle connection has otherwise.
        idle.wait(seconds: 2)
        #expect(idle.receive().end == .silence)
        #expect(gateway.status.clients == 1)
        #expect(status(of: idle) == "200")
        #expect(eventually { gateway.status.hasDrained })
        gateway.stop()
    }

    @Test func `leaves everybody in the queue until it is told to accept`() throws {
        let gateway = try TestGateway(servers: [1], isWaiting: true)
        #expect(eventually { gateway.status.isReady })
        let early = Peer(port: gateway.port)
        early.send(Self.health)
        early.wait(seconds: 1)
        #expect(early.receive().end == .silence)
        #expect(gateway.status.clients == 0)
        gateway.send(.accept)
        #expect(early.receive(through: "}").text.hasPrefix("HTTP/1.1 200 "))
        #expect(status(of: Peer(port: gateway.port)) == "200")
        gateway.stop()
    }

    @Test func `drains: a connection that has said nothing has a second`() throws {
        let gateway = try TestGateway(servers: [1])
        let silent = Peer(port: gateway.port)
        #expect(eventually { gateway.status.clients == 1 })
        let start = Clock.monotonicMilliseconds
        gateway.send(.drain(isHandedOver: false))
        #expect(silent.receive().end == .closed)
        #expect((500..<5000).contains(Clock.monotonicMilliseconds - start))
        #expect(eventually { gateway.status.hasDrained })
        gateway.stop()
    }

    @Test func `its loop turns until it ends`() throws {
        let gateway = try TestGateway(servers: [1])
        #expect(eventually { gateway.status.isTurning(now: Clock.monotonicMilliseconds) })
        // It ends a round each second although nothing happens, of which a slow machine may take two.
        var rounds: Set<Int> = []
        for _ in 0..<1000 {
            rounds.insert(gateway.status.round)
            Clock.sleep(milliseconds: 5)
        }
        #expect(rounds.count >= 4)
        #expect(!gateway.status.isTurning(now: Clock.monotonicMilliseconds + 10_000))
        gateway.stop()
        #expect(!gateway.status.isTurning(now: Clock.monotonicMilliseconds))
    }
}
