// The invariants, with frames that random numbers choose, and with the corpus of the fuzz target.

import Bytes
import HTTP
import HTTP2
import Testing

@Suite struct InvariantTests {
    @Test(arguments: 0..<8 as Range<UInt64>)
    func `random frames break no invariant`(_ seed: UInt64) {
        for run in 0..<100 as Range<UInt64> {
            var peer = RandomPeer(seed: seed << 32 | run, wildness: 40)
            var input: [UInt8] = [0]
            for _ in 0..<Int(peer.number(40)) + 1 { input += peer.frame() }
            // Now and then an octet is another, or the role is.
            if peer.number(4) == 0 {
                input[Int(peer.number(UInt64(input.count)))] = UInt8(truncatingIfNeeded: peer.number(256))
            }
            let broken = HTTP2Invariants.broken(by: input.span)
            #expect(broken == nil, "\(input)")
        }
    }

    @Test func `random frames lead far into a connection`() {
        var heads = 0
        for seed in 0..<50 as Range<UInt64> {
            let side = Side.server()
            var peer = RandomPeer(seed: seed, wildness: 1000)
            for _ in 0..<100 where side.failure == nil { side.receive(peer.frame()) }
            heads += side.take().count { if case .request = $0 { true } else { false } }
        }
        #expect(heads > 200)
    }

    @Test func `a connection that lasts long holds no more streams and sends no more than belongs to it`() {
        var limits = HTTP2Limits()
        limits.streams = 20
        let side = Side.server(limits)
        var peer = RandomPeer(seed: 1, wildness: .max)
        var received = 0
        var sent = 0
        var given: [Int32] = []
        for _ in 0..<8000 where side.failure == nil {
            let frame = peer.frame()
            received += frame.count
            side.receive(frame)
            side.now += 100
            for happening in side.take() {
                switch happening {
                case .request(let id, _, _):
                    side.respond(id, 200, ends: id % 4 == 1)
                    if id % 4 == 3 { side.send(id, [1, 2, 3], ends: true) }
                    given.append(id)
                case .refused(let id, let violation):
                    side.respond(id, violation.status)
                    given.append(id)
                default: break
                }
            }
            // Clients may open no more than they were told, so those that never end are given up.
            while side.session.openStreams > 15, let oldest = given.first {
                side.session.reset(side.stream(oldest), code: HTTP2ErrorCode.noError)
                given.removeFirst()
                sent += side.written().count
            }
            sent += side.written().count
            #expect(side.session.openStreams <= 20)
        }
        #expect(side.failure == nil)
        #expect(received > 200_000)
        #expect(sent < received)
    }

    @Test func `random octets break no invariant`() {
        var random = SplitMix(seed: 99)
        for _ in 0..<500 {
            let count = Int(random.next() % 300)
            let input = (0..<count).map { _ in UInt8(truncatingIfNeeded: random.next()) }
            let broken = HTTP2Invariants.broken(by: input.span)
            #expect(broken == nil, "\(input)")
        }
    }

    @Test(arguments: CorpusFiles.paths(matching: "../Fuzz/Corpus/http2/*"))
    func `the corpus of the fuzz target keeps the invariants`(path: String) {
        let octets = CorpusFiles.octets(of: path)
        let broken = HTTP2Invariants.broken(by: octets.span)
        #expect(broken == nil)
    }
}
