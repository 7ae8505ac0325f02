// What a worker counts, as it tells those who ask.

import Bytes
import Policy
import Testing
import Transport

@testable import Proxy

extension TestGateway {
    /// What the worker has counted.
    func report() throws -> WorkerReport {
        let answers = try Mailbox<WorkerReport>()
        send(.report(to: answers))
        var report: WorkerReport?
        eventually {
            report = answers.takeAll().last
            return report != nil
        }
        return try #require(report)
    }
}

extension WorkerReport {
    /// How often a request of the only route had this reason.
    func count(_ reason: Reason, row: Int = 1) -> Int { counts.reasons[row][reason.number] ?? 0 }

    /// A counter of the only endpoint.
    subscript(column: EndpointColumn) -> Int { counts.endpoints[0, column.rawValue] }
}

extension WorkerTests {
    @Suite struct `A worker counts` {
        @Test func `requests by reason, times of those that went on, and connections`() throws {
            let server = try ScriptedServer.answering()
            let gateway = try TestGateway(servers: [server.port])
            let client = Peer(port: gateway.port)
            let request = try gateway.request()
            for _ in 0..<3 {
                client.send(request)
                #expect(client.receive(through: "\r\n\r\n").end == .found)
            }
            client.send("GET /notion HTTP/1.1\r\nHost: gw.example\r\n\r\n")
            client.send("GET /nowhere HTTP/1.1\r\nHost: gw.example\r\n\r\n")
            client.send("GET / HTTP/1.1\r\nHost: other.example\r\n\r\n")
            client.send("broken\r\n\r\n")
            _ = client.receive()
            let report = try gateway.report()
            #expect(report.counts.routes[1, RouteColumn.allowed] == 3)
            #expect(report.count(.access(.noCredentials)) == 1)
            #expect(report.count(.access(.routeUnknown), row: 0) == 1)
            #expect(report.count(.access(.hostUnknown), row: 0) == 1)
            #expect(report.counts.reasons[0].values.reduce(0, +) == 3, "a broken message has no route")
            #expect(report.counts.totals.requests == 7)
            #expect(report.counts.totals.inFlight == 0)
            #expect(report.counts.totals.accepted == 1)
            for histogram in [RouteColumn.latency, RouteColumn.upstreamLatency] {
                let classes = (0..<LatencyHistogram.classes).map { report.counts.routes[1, histogram + $0] }
                #expect(classes.reduce(0, +) == 3, "refused requests are no latency")
            }
            #expect(report.tokenCounts.misses == 1)
            #expect(report.tokenCounts.hits == 2)
            #expect(report.tokens == 1)
            #expect(report[.requests] == 3)
            #expect(report[.active] == 0)
            #expect(report[.connections] == 1)
            #expect(report[.idle] == 1)
            #expect(report[.failures] == 0)
            #expect(report[.connectedAt] > 0)
            gateway.stop()
        }

        @Test func `endpoints that take no connection, and requests that fail by it`() throws {
            // Nobody listens there.
            let gateway = try TestGateway(servers: [1])
            let client = Peer(port: gateway.port)
            client.send(try gateway.request())
            #expect(client.receive(through: "}").text.contains(" 502 "))
            let report = try gateway.report()
            #expect(report.count(.failure(.connectFailed)) == 1)
            #expect(report.counts.routes[1, RouteColumn.allowed] == 0)
            #expect(report[.failures] == 1)
            #expect(report[.failedAt] > 0)
            #expect(report[.requests] == 0)
            #expect(report[.connections] == 0)
            gateway.stop()
        }

        @Test func `event streams while they are open, and their time up to the head`() throws {
            let server = try ScriptedServer { peer, _, server in
                _ = server.request(from: peer)
                peer.send(
                    "HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nTransfer-Encoding: chunked\r\n\r\n"
                )
                _ = peer.receive()
            }
            let gateway = try TestGateway(servers: [server.port])
            let client = Peer(port: gateway.port)
            let request = try gateway.request()
            let start = Clock.monotonicMicroseconds
            client.send(request)
            #expect(client.receive(through: "\r\n\r\n").end == .found)
            let elapsed = Clock.monotonicMicroseconds - start
            var report = try gateway.report()
            #expect(report.counts.routes[1, RouteColumn.streams] == 1)
            #expect(report.counts.totals.streams == 1)
            #expect(report.counts.totals.inFlight == 1)
            #expect(report[.active] == 1)
            #expect(report.counts.totals.requests == 0)
            Clock.sleep(milliseconds: 30)
            client.finishSending()
            _ = client.receive()
            eventually { (try? gateway.report().counts.totals.streams) == 0 }
            report = try gateway.report()
            #expect(report.counts.routes[1, RouteColumn.streams] == 0)
            #expect(report.count(.failure(.clientAborted)) == 1)
            #expect(report[.active] == 0)
            #expect(report[.connections] == 0)
            let row = try #require(report.counts.routes[1])
            let sums = [RouteColumn.latency, RouteColumn.upstreamLatency].map {
                row[row.startIndex + $0 + LatencyHistogram.classes]
            }
            #expect(sums[0] >= sums[1])
            #expect(sums[0] <= elapsed, "nobody waited for the rest of the stream")
            gateway.stop()
        }

        @Test func `connections that end before their first request`() throws {
            let gateway = try TestGateway(servers: [1])
            do {
                let reset = Peer(port: gateway.port)
                reset.send("PRI * HT")
                eventually { gateway.status.clients == 1 }
                reset.resetAtEnd()
            }
            eventually { gateway.status.clients == 0 }
            let report = try gateway.report()
            #expect(report.counts.refusals[.aborted] == 1)
            #expect(report.counts.totals.accepted == 1)
            #expect(report.counts.totals.requests == 0)
            gateway.stop()
        }
    }
}
