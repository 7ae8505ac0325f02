// The corpus of the token fuzz target, replayed.

import Testing

@Suite struct TokenFuzzCorpusTests {
    @Test(arguments: CorpusFiles.paths(matching: "../Fuzz/Corpus/token/*"))
    func `tokens keep their invariants`(path: String) {
        #expect(TokenInvariants.broken(by: CorpusFiles.octets(of: path).span) == nil)
    }
}
