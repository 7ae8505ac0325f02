// The corpora of the fuzz targets `events` and `session`, replayed, and random inputs made of their pieces.

import Bytes
import Testing

@Suite struct EventStreamFuzzCorpusTests {
    @Test(arguments: CorpusFiles.paths(matching: "../Fuzz/Corpus/events/*"))
    func `streams keep their invariants`(path: String) {
        let octets = CorpusFiles.octets(of: path)
        for seed in UInt8.min...UInt8.max {
            let input = [seed] + octets.dropFirst()
            let broken = EventStreamInvariants.broken(by: input.span)
            #expect(broken == nil, "seed \(seed)")
        }
    }

    @Test(arguments: CorpusFiles.paths(matching: "../Fuzz/Corpus/session/*"))
    func `session ids keep their invariants`(path: String) {
        let octets = CorpusFiles.octets(of: path)
        let broken = SessionInvariants.broken(by: octets.span)
        #expect(broken == nil)
    }

    private static let pieces: [String] = [
        "\n", "\r", "\r\n", "\n\n", "\r\n\r\n", "data:", "data: ", "data", "event: ", "event: endpoint\n",
        "message",
        ": c", "id: 1\n", "\u{FEFF}", "{", "}", "[", "]", ",", ":", "\"", "\\", "\"result\":", "\"tools\":[",
        "{\"name\":\"h\"}", "{\"name\":\"a\"}", "\"cacheScope\":\"public\"", "\"ttlMs\":1", "1", "null",
        "\u{0}", "é",
        "data: {\"result\":{\"tools\":[{\"name\":\"h\"},{\"name\":\"a\"}]}}\n", "data: {\"id\":1}\n\n",
        "]}}\n\n",
    ]

    @Test(arguments: 0..<20)
    func `random streams keep their invariants`(seed: Int) {
        var random = SplitMix(seed: UInt64(seed))
        for _ in 0..<500 {
            var input: [UInt8] = [UInt8.random(in: 0...255, using: &random)]
            for _ in 0..<Int.random(in: 0..<16, using: &random) {
                input += (Self.pieces.randomElement(using: &random) ?? "").octets
            }
            let broken = EventStreamInvariants.broken(by: input.span)
            #expect(broken == nil, "\(String(lossy: input.span).debugDescription)")
        }
    }
}
