// The configurations that the documents show can be used, and leave nothing to warn of.

import Configuration
import Glibc
import Testing

@Suite struct DocumentExampleTests {
    /// The blocks of `document` that begin with a line "```json", without what stands before them on each line.
    private static func examples(in document: String) -> [String] {
        let path = CheckedInConfigurationTests.project + "/" + document
        guard let file = unsafe fopen(path, "r") else { return [] }
        defer { unsafe fclose(file) }
        var examples: [String] = []
        var isInside = false
        var line = [CChar](repeating: 0, count: 4096)
        while unsafe fgets(&line, CInt(line.count), file) != nil {
            let text = String(decoding: line.prefix { $0 != 0 }.map { UInt8(bitPattern: $0) }, as: UTF8.self)
            let words = text.drop { $0 == " " }
            if words.hasPrefix("```") {
                isInside = words.hasPrefix("```json")
                if isInside { examples.append("") }
            } else if isInside {
                examples[examples.count - 1] += text
            }
        }
        return examples
    }

    @Test(arguments: [
        "README.md", "docs/configuration.md", "docs/deployment.md", "docs/limits.md", "docs/traces.md",
    ])
    func `examples are whole configurations without problems and warnings`(document: String) throws {
        let examples = Self.examples(in: document)
        #expect(!examples.isEmpty)
        for example in examples {
            let source = ConfigurationSource(name: document, text: Array(example.utf8))
            let configuration = try ConfigurationLoader.compile(source, beside: Sample.surroundings())
            #expect(configuration.warnings == [])
        }
    }
}
