// docs/reasons.md has a row for each reason code, and for nothing else.

import Glibc
import Policy
import Testing

@Suite struct ReasonDocumentTests {
    /// The codes of the document: what begins a row of a table.
    private static func documentedCodes() -> [String] {
        let project = #filePath.split(separator: "/", omittingEmptySubsequences: false).dropLast(3)
        let path = project.joined(separator: "/") + "/docs/reasons.md"
        guard let file = unsafe fopen(path, "r") else { return [] }
        defer { unsafe fclose(file) }
        var codes: [String] = []
        var line = [CChar](repeating: 0, count: 4096)
        while unsafe fgets(&line, CInt(line.count), file) != nil {
            let text = String(decoding: line.prefix { $0 != 0 }.map { UInt8(bitPattern: $0) }, as: UTF8.self)
            guard text.hasPrefix("| `") else { continue }
            codes.append(String(text.dropFirst(3).prefix { $0 != "`" }))
        }
        return codes
    }

    @Test func `every reason code has one row, and every row is a reason code`() {
        let documented = Self.documentedCodes()
        #expect(documented.sorted() == Reason.allCodes.sorted())
    }

    @Test func `no two reasons have the same code`() {
        #expect(Set(Reason.allCodes).count == Reason.allCodes.count)
    }
}
