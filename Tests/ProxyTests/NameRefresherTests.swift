// A resolver that is stuck on one name.

import Logging
import Synchronization
import Testing
import Transport

@testable import Proxy

@Suite struct NameRefresherTests {
    private final class Found: Sendable {
        let hosts = Mutex<[String]>([])
    }

    private final class Counts: Sendable {
        let now = Atomic<Int>(0)
        let most = Atomic<Int>(0)
    }

    @Test func `a name whose resolver is stuck delays no other, and a failed one is said with its reason`()
        throws
    {
        let found = Found()
        let names = NameRefresher(
            hosts: ["stuck.example", "good.example", "missing.example", "127.0.0.1"],
            logger: Logger(label: "test") { _ in SwiftLogNoOpLogHandler() },
            resolve: { (host) throws(NameLookupError) in
                while host == "stuck.example" { Clock.sleep(milliseconds: 1000) }
                guard host == "good.example" else { throw NameLookupError(reason: "no such name") }
                return [SocketAddress(.ipv4(0x0100_007F, port: 0))]
            },
            send: { message in
                guard case .addresses(let host, let addresses, let problem) = message else { return }
                found.hosts.withLock { $0.append("\(host) \(addresses.count) \(problem)") }
            }
        )
        try names.start()
        let deadline = Clock.monotonicMilliseconds + 5000
        while found.hosts.withLock({ $0.count }) < 2, Clock.monotonicMilliseconds < deadline {
            Clock.sleep(milliseconds: 10)
        }
        #expect(
            found.hosts.withLock { $0.sorted() } == ["good.example 1 ", "missing.example 0 no such name"]
        )
    }

    @Test func `so many are looked up at a time, and all in their turn`() throws {
        let counts = Counts()
        let found = Found()
        let hosts = Set((0..<3 * NameRefresher.maximumLookUps).map { "host\($0).example" })
        let names = NameRefresher(
            hosts: hosts,
            logger: Logger(label: "test") { _ in SwiftLogNoOpLogHandler() },
            resolve: { _ in
                counts.most.max(counts.now.add(1, ordering: .relaxed).newValue, ordering: .relaxed)
                Clock.sleep(milliseconds: 50)
                counts.now.subtract(1, ordering: .relaxed)
                return [SocketAddress(.ipv4(0x0100_007F, port: 0))]
            },
            send: { message in
                guard case .addresses(let host, _, _) = message else { return }
                found.hosts.withLock { $0.append(host) }
            }
        )
        try names.start()
        #expect(eventually { found.hosts.withLock { Set($0) } == hosts })
        #expect(counts.most.load(ordering: .relaxed) <= NameRefresher.maximumLookUps)
    }
}
