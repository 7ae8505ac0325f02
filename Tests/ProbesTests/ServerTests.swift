// What is made of servers behind routes, of listeners, and of many things asked at once.

import Bytes
import Policy
import Proxy
import Synchronization
import Testing
import Transport

@testable import Probes

@Suite struct `A server behind a route` {
    private func finding(_ body: String, status: Int = 200, upstream: String? = nil) throws -> Finding {
        let sample = try upstream.map { try Sample(upstream: $0) } ?? Sample()
        let outside = Outside(publicTLS: nil, publicAddress: nil)
        let probe = EndpointProbe(route: sample.snapshot.route(Sample.files), outside: outside)
        return probe.judge(
            BackgroundResponse(status: status, body: body.octets),
            at: "http://127.0.0.1:3001/x"
        )
    }

    @Test(arguments: [
        (200, Finding.Verdict.ok), (401, .ok), (404, .ok), (405, .ok), (500, .warning), (503, .warning),
    ])
    func `lives if it answers at all`(_ status: Int, _ expected: Finding.Verdict) {
        #expect(EndpointProbe.judge(aliveness: status, of: "http://127.0.0.1:3001/mcp").verdict == expected)
    }

    @Test func `may have no document, or the right one`() throws {
        #expect(try finding("", status: 404).verdict == .ok)
        #expect(try finding("<html>").verdict == .ok)
        #expect(try finding("{\"resource\": \"https://mcp.example.com/files\"}").verdict == .ok)
    }

    @Test(arguments: ["https://mcp.example.com/files/", "http://127.0.0.1:3001/mcp", ""])
    func `that takes itself for another is told of`(_ resource: String) throws {
        let forwarding = try finding("{\"resource\": \"\(resource)\"}")
        #expect(forwarding.verdict == .warning)
        #expect(forwarding.sentence.contains("502"))
        let stripping = try finding(
            "{\"resource\": \"\(resource)\"}",
            upstream: "{\"endpoints\": [\"http://127.0.0.1:3001/mcp\"], \"credentials\": \"strip\"}"
        )
        #expect(stripping.verdict == .warning)
        #expect(!stripping.sentence.contains("502"))
    }

    @Test func `cannot write on the terminal`() throws {
        #expect(try !finding("{\"resource\": \"\\u001b[2J\"}").sentence.contains("\u{1B}"))
    }
}

@Suite struct `A listener that is asked for its health` {
    @Test(arguments: [
        ("0.0.0.0:8443", "127.0.0.1:8443"), ("[::]:8443", "[::1]:8443"), ("10.0.0.5:80", "10.0.0.5:80"),
        ("127.0.0.2:80", "127.0.0.2:80"), ("[fe80::1]:80", "[fe80::1]:80"), ("unix:/run/a", "unix:/run/a"),
    ])
    func `is reached from this machine`(_ address: String, _ expected: String) throws {
        #expect("\(HealthProbe.reachable(try #require(SocketAddress(address))))" == expected)
    }
}

@Suite struct `A crew` {
    @Test(arguments: [0, 1, 7, 8, 9, 1000])
    func `gives every result in the order of the work`(_ count: Int) throws {
        #expect(try Crew.map(Array(0..<count)) { $0 * 2 } == (0..<count).map { $0 * 2 })
    }

    @Test func `works on several things at a time, and on no more than its size`() throws {
        let gate = Gate()
        let most = try Crew.map(Array(0..<64)) { _ in gate.pass() }.max()
        #expect(most == Crew.size)
    }

    /// Lets nobody leave before as many are in as ever come at once.
    private final class Gate: Sendable {
        private let inside = Atomic(0)
        private let entered = Atomic(0)

        func pass() -> Int {
            let now = inside.add(1, ordering: .sequentiallyConsistent).newValue
            let number = entered.add(1, ordering: .sequentiallyConsistent).newValue
            let wave = (number - 1) / Crew.size + 1
            while entered.load(ordering: .sequentiallyConsistent) < wave * Crew.size {
                Clock.sleep(milliseconds: 1)
            }
            inside.subtract(1, ordering: .sequentiallyConsistent)
            return now
        }
    }
}
