// The corpus of the fuzz targets, replayed: what once broke an invariant stays repaired.

import Testing

@Suite struct FuzzCorpusTests {
    @Test(arguments: CorpusFiles.paths(matching: "../Fuzz/Corpus/request/*"))
    func `requests keep their invariants`(path: String) {
        #expect(RequestInvariants.broken(by: CorpusFiles.octets(of: path).span) == nil)
    }

    @Test(arguments: CorpusFiles.paths(matching: "../Fuzz/Corpus/response/*"))
    func `responses keep their invariants`(path: String) {
        #expect(ResponseInvariants.broken(by: CorpusFiles.octets(of: path).span) == nil)
    }

    @Test(arguments: CorpusFiles.paths(matching: "../Fuzz/Corpus/chunks/*"))
    func `chunks keep their invariants`(path: String) {
        #expect(ChunkInvariants.broken(by: CorpusFiles.octets(of: path).span) == nil)
    }

    @Test(arguments: CorpusFiles.paths(matching: "Corpus/*/*/*.txt"))
    func `corpus messages keep the invariants too`(path: String) {
        let octets = CorpusMessage(path: path).octets
        #expect(RequestInvariants.broken(by: octets.span) == nil)
        #expect(ResponseInvariants.broken(by: octets.span) == nil)
        #expect(ChunkInvariants.broken(by: octets.span) == nil)
    }
}
