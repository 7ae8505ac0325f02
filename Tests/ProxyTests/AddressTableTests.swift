// How many connections an address may have, and lists of those that wait.

import Policy
import Testing
import Transport

@testable import Proxy

@Suite struct `A table of addresses` {
    private let table = AddressTable(entries: 64)
    private let second = 1_000_000_000

    private func key(_ number: Int) -> HashedKey {
        HashedKey([UInt8(truncatingIfNeeded: number), UInt8(truncatingIfNeeded: number >> 8)])
    }

    private func enter(
        _ number: Int,
        maximum: Int = 3,
        handshakes rate: Rate? = nil,
        now: Int = 1_000_000_000_000
    ) -> Result<AddressPlace, AddressRefusal> {
        do throws(AddressRefusal) {
            return .success(try table.enter(key(number), maximum: maximum, handshakes: rate, now: now))
        } catch {
            return .failure(error)
        }
    }

    private func refusal(_ result: Result<AddressPlace, AddressRefusal>) -> AddressRefusal? {
        if case .failure(let refusal) = result { refusal } else { nil }
    }

    @Test func `has so many places for each, and one again when a connection is let go of`() throws {
        var places = try (0..<3).map { _ in try enter(1).get() }
        #expect(refusal(enter(1)) == .connections)
        #expect(refusal(enter(2)) == nil)
        places.removeLast()
        #expect(refusal(enter(1)) == nil)
        places.append(try enter(1).get())
        #expect(refusal(enter(1)) == .connections)
        places = []
        #expect(table.count == 0)
    }

    @Test func `remembers no address without a connection`() throws {
        for number in 0..<1000 { #expect(refusal(enter(number)) == nil) }
        #expect(table.count == 0)
        let places = try (0..<1000).map { try enter($0).get() }
        #expect(table.count == 1000)
        withExtendedLifetime(places) {}
    }

    @Test func `counts handshakes, of which a refused one takes no place`() throws {
        let rate = Rate(count: 1, period: 1000, burst: 2)
        let now = 1_000_000_000_000
        for _ in 0..<2 { #expect(refusal(enter(1, handshakes: rate, now: now)) == nil) }
        for _ in 0..<9 { #expect(refusal(enter(1, handshakes: rate, now: now)) == .handshakes) }
        #expect(table.count == 0)
        #expect(refusal(enter(2, handshakes: rate, now: now)) == nil)
        // What is no handshake goes on.
        #expect(refusal(enter(1, now: now)) == nil)
        #expect(refusal(enter(1, handshakes: rate, now: now + second)) == nil)
    }

    @Test func `tells of an address once a minute, and of no more than so many addresses`() {
        let now = 1_000_000_000_000
        #expect(table.mayTell(.limit, of: key(1), now: now))
        #expect(!table.mayTell(.limit, of: key(1), now: now + 59 * second))
        #expect(table.mayTell(.limit, of: key(1), now: now + 60 * second))
        let told = (0..<10_000).count { table.mayTell(.limit, of: key($0), now: now + 200 * second) }
        #expect(told > 200 && told <= 256)
    }

    @Test func `counts right when many threads come and go`() async {
        let table = table
        let key = key(1)
        await withTaskGroup { group in
            for _ in 0..<4 {
                group.addTask {
                    for _ in 0..<2000 {
                        let place = try? table.enter(key, maximum: 2, handshakes: nil, now: 1)
                        withExtendedLifetime(place) {}
                    }
                }
            }
        }
        #expect(table.count == 0)
        #expect(refusal(enter(1, maximum: 1)) == nil)
    }
}

@Suite struct `Streams that wait` {
    private func ids(_ count: Int, in table: ConnectionTable) -> [ConnectionID] {
        (0..<count).map { _ in table.reserve() }
    }

    @Test func `are taken in their order`() {
        let table = ConnectionTable()
        var waiting = WaitingStreams()
        let all = ids(5, in: table)
        for id in all { waiting.append(id) { _ in true } }
        #expect(waiting.takeFirst(2) == Array(all[..<2]))
        waiting.keep { $0 != all[3] }
        #expect(waiting.takeFirst(9) == [all[2], all[4]])
        #expect(waiting.takeFirst(9) == [])
    }

    @Test func `that have left do not pile up, and those that wait are not lost`() {
        let table = ConnectionTable()
        var waiting = WaitingStreams()
        let faithful = ids(100, in: table)
        for id in faithful { waiting.append(id) { _ in true } }
        var looks = 0
        for id in ids(100_000, in: table) {
            waiting.append(id) {
                looks += 1
                return faithful.contains($0)
            }
            #expect(waiting.count <= 2 * 101)
        }
        // Looking through the list costs each newcomer a few looks.
        #expect(looks < 400_000)
        #expect(waiting.takeFirst(100) == faithful)
    }
}
