// Replays the seeds of the fuzz target, so that what it once found stays found.

import Configuration
import Testing

@Suite struct ConfigurationFuzzCorpusTests {
    @Test(arguments: CorpusFiles.paths(matching: "../Fuzz/Corpus/configuration/*"))
    func `keeps the invariants for every seed`(path: String) {
        let octets = CorpusFiles.octets(of: path)
        #expect(ConfigurationInvariants.broken(by: octets.span) == nil)
    }
}
