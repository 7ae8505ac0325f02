// The invariants, with frames that random numbers choose, and with the corpus of the fuzz target.

import Bytes
import HTTP2
import Testing

@Suite struct InvariantTests {
    private static let blocks: [[UInt8]] = [
        Frames.block(Frames.request("GET")),
        Frames.block(Frames.request("POST", and: [("content-length", "3")])),
        Frames.block(Frames.request("GET", path: "/a/../b")),
        Frames.block(Frames.request("POST")) + Frames.indexed("x-large", String(repeating: "a", count: 1000)),
        Frames.block(Frames.request("POST")) + [0x80 | 62, 0x80 | 62, 0x80 | 62],
        Frames.block([(":status", "200"), ("content-type", "text/plain")]),
        Frames.block([(":status", "103")]), Frames.block([("trailer", "x")]),
        Frames.block([("checksum", "x")]),
        Frames.block([("Upper", "x")]), [0x80], [0x3F, 0xE1, 0x1F], [],
    ]

    private static func randomFrame(_ random: inout SplitMix) -> [UInt8] {
        let stream = UInt32(random.next() % 12)
        let block = blocks[Int(random.next() % UInt64(blocks.count))]
        let octets = Array(repeating: UInt8(7), count: Int(random.next() % 6))
        switch random.next() % 14 {
        case 0, 1, 2:
            return Frames.frame(1, flags: random.next() % 4 == 0 ? 0x4 : 0x5, stream: stream | 1, block)
        case 3: return Frames.frame(1, flags: UInt8(random.next() & 0x2D), stream: stream, block)
        case 4: return Frames.continuation(stream | 1, block, endsBlock: random.next() % 2 == 0)
        case 5, 6: return Frames.data(stream | 1, octets, ends: random.next() % 2 == 0)
        case 7: return Frames.frame(0, flags: UInt8(random.next() & 9), stream: stream, octets)
        case 8: return Frames.reset(stream, UInt32(random.next() % 14))
        case 9: return Frames.windowUpdate(stream, random.next() % 4 == 0 ? 0x7FFF_FFFF : 100)
        case 10: return Frames.settings([(UInt16(random.next() % 10), UInt32(random.next() % 70_000))])
        case 11: return Frames.ping() + Frames.priority(stream, on: 0)
        case 12: return Frames.goAway(last: stream)
        default: return Frames.frame(UInt8(truncatingIfNeeded: random.next()), stream: stream, octets)
        }
    }

    @Test(arguments: 0..<8 as Range<UInt64>)
    func `random frames break no invariant`(_ seed: UInt64) {
        var random = SplitMix(seed: seed)
        for _ in 0..<400 {
            var input: [UInt8] = [UInt8(random.next() % 2)]
            for _ in 0..<Int(random.next() % 20) + 1 { input += Self.randomFrame(&random) }
            // Now and then an octet is another.
            if random.next() % 3 == 0 {
                input[Int(random.next() % UInt64(input.count))] = UInt8(truncatingIfNeeded: random.next())
            }
            let broken = HTTP2Invariants.broken(by: input.span)
            #expect(broken == nil, "\(input)")
        }
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
