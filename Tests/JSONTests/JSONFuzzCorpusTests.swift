// The corpus of the JSON fuzz target, replayed.

import Testing

@Suite struct JSONFuzzCorpusTests {
    @Test(arguments: CorpusFiles.paths(matching: "../Fuzz/Corpus/json/*"))
    func `texts keep their invariants`(path: String) {
        #expect(JSONInvariants.broken(by: CorpusFiles.octets(of: path).span) == nil)
    }
}
