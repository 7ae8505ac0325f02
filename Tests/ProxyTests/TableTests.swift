// Numbers of connections, places of idle ones, and lines on their way to the log.

import Bytes
import Policy
import Testing
import Transport

@testable import Proxy

@Suite struct `A connection table` {
    @Test func `never finds another connection under an old number`() {
        let table = ConnectionTable()
        var old: [ConnectionID] = []
        for _ in 0..<1000 {
            let id = table.reserve()
            #expect(!old.contains(id))
            #expect(id.token < Worker.listenerToken)
            old.append(id)
            table.remove(id)
            table.remove(id)
            for stale in old.suffix(3) {
                if case .vacant = table[stale] { continue }
                Issue.record("a removed number is found")
            }
        }
        let first = table.reserve()
        let second = table.reserve()
        #expect(first != second)
        #expect(table.clients == 0)
    }

    @Test(arguments: [
        0, 1, UInt64.max, Worker.listenerToken, Worker.listenerToken + 5, 1 << 32, 0x7FFF_FFFF << 32,
    ])
    func `finds nothing under a number that was never given`(_ token: UInt64) {
        let table = ConnectionTable()
        if case .vacant = table[ConnectionID(token: token)] { return }
        Issue.record("found")
    }
}

@Suite struct `Lines for the access log` {
    @Test func `are dropped and counted beyond the capacity, whole leaves at a time`() {
        let sink = LogSink()
        var lines = ByteBuffer()
        lines.append([UInt8](repeating: 0x61, count: LogSink.capacity - 1).span)
        sink.leave(lines, count: 10)
        var more = ByteBuffer()
        more.append("ab")
        sink.leave(more, count: 2)
        more.removeAll()
        more.append("c")
        sink.leave(more, count: 1)
        let taken = sink.takeAll()
        #expect(taken.lines.count == LogSink.capacity)
        #expect(taken.count == 11)
        #expect(taken.dropped == 2)
        #expect(sink.takeAll().lines.isEmpty)
        #expect(sink.takeAll().dropped == 0)
        #expect(sink.dropped == 2)
    }
}

@Suite struct `Addresses by name` {
    private func addresses(_ hosts: String...) throws -> [SocketAddress] {
        try hosts.map { try #require(SocketAddress(host: $0, port: 0)) }
    }

    @Test func `are kept when a later look-up finds nothing`() throws {
        var book = AddressBook()
        #expect(book.host("server.test").problem == nil)
        #expect(book.enter([], for: "server.test", problem: "no") == nil)
        #expect(book.host("server.test").problem == "no")
        let found = try addresses("192.0.2.1")
        #expect(book.enter(found, for: "server.test", problem: "") != nil)
        #expect(book.enter([], for: "server.test", problem: "no") == nil)
        #expect(book.host("server.test").addresses == found)
    }

    @Test func `have not changed when they come in another order`() throws {
        var book = AddressBook()
        _ = book.enter(try addresses("192.0.2.1", "192.0.2.2"), for: "server.test", problem: "")
        #expect(book.enter(try addresses("192.0.2.2", "192.0.2.1"), for: "server.test", problem: "") == nil)
        #expect(book.enter(try addresses("192.0.2.2"), for: "server.test", problem: "") != nil)
    }
}
