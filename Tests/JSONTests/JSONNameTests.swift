// Names are compared by their octets: Unicode knows more spellings of one text than JSON does.

import Bytes
import JSON
import Testing

@Suite struct JSONNameTests {
    /// A Kelvin sign and K, a Greek question mark and a semicolon, and two spellings of é are equal to `String`.
    @Test(arguments: [
        ("\u{212A}", "K"), ("\u{37E}", ";"), ("\u{1FEF}", "`"), ("e\u{301}", "\u{E9}"),
    ])
    func `names that Unicode holds equal are different members`(a: String, b: String) throws {
        let value = try JSONReader.read("{\"\(a)\":1,\"\(b)\":2}".utf8Span.span)
        #expect(value.object?[a]?.number == .integer(1))
        #expect(value.object?[b]?.number == .integer(2))
        let single = try JSONReader.read("{\"\(a)\":1}".utf8Span.span)
        #expect(single.object?[b] == nil)
    }

    @Test(arguments: [2, 3, 15, 16, 17, 18, 40, 300], [0, 1, 14, 15, 16, 17, 39, 298])
    func `a name that comes twice is found however many members stand between`(count: Int, first: Int) {
        let names = (0..<count).map { "name\($0)" }
        let whole = "{" + names.map { "\"\($0)\":0" }.joined(separator: ",")
        #expect(throws: Never.self) { try JSONReader.read((whole + "}").octets.span) }
        guard first < count else { return }
        let error = #expect(throws: JSONError.self) {
            try JSONReader.read((whole + ",\"\(names[first])\":0}").octets.span)
        }
        #expect(error?.reason == .duplicateMember(names[first]))
    }

    @Test func `a long row of combining marks costs no more than other text`() throws {
        let marks = String(repeating: "\u{301}\u{316}", count: 100_000)
        let text = "{\"a\(marks)\":1,\"b\(marks)\":2}"
        let clock = ContinuousClock()
        let duration = try clock.measure {
            let value = try JSONReader.read(text.utf8Span.span)
            #expect(value.object?["aud"] == nil)
        }
        // Comparing by canonical equivalence takes minutes here, comparing octets a few milliseconds.
        #expect(duration < .seconds(2))
    }
}
