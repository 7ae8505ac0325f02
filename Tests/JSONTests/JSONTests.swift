// The strict reader and the writer: what is read, what is refused, and where.

import Bytes
import JSON
import Testing

@Suite struct JSONReaderTests {
    @Test(arguments: [
        "{}", "[]", " [1, -0.5e+3, \"a\\u00e9\\ud83d\\ude00\\n\", true, false, null] ", "\"x\"", "12",
    ])
    func `accepts what RFC 8259 allows`(text: String) throws {
        _ = try JSONReader.read(text.utf8Span.span)
    }

    @Test(arguments: [
        "", " ", "{", "[1,]", "{\"a\":1,}", "{a:1}", "01", "-", "1.", ".5", "1e", "+1", "NaN", "1e999", "'a'",
        "\"a",
        "\"\\x\"", "\"\\ud800\"", "\"\\ud800\\u0041\"", "\"\\udc00\"", "\"\u{01}\"", "tru", "[1 2]", "1 1",
        "\u{FEFF}{}",
        "{\"a\":1,\"a\":2}", "{\"a\":1,\"\\u0061\":2}", "// x\n1",
    ])
    func `refuses everything else`(text: String) {
        #expect(throws: JSONError.self) { _ = try JSONReader.read(text.utf8Span.span) }
    }

    @Test func `refuses what is not UTF-8`() {
        let text: [UInt8] = [0x22, 0xC3, 0x28, 0x22]
        #expect(throws: JSONError.self) { _ = try JSONReader.read(text.span) }
    }

    @Test func `bounds depth and the length of numbers`() {
        let deep = String(repeating: "[", count: 10_000)
        #expect(throws: JSONError.self) { _ = try JSONReader.read(deep.utf8Span.span) }
        let long = String(repeating: "9", count: 1_000_000)
        #expect(throws: JSONError.self) { _ = try JSONReader.read(long.utf8Span.span) }
    }

    @Test func `keeps the place of names and values`() throws {
        let text = "{\n  \"a\": [1,\n 2]}"
        let value = try JSONReader.read(text.utf8Span.span)
        let second = try #require(value.object?["a"]?.array?[1])
        #expect(
            SourcePosition(of: second.offset, in: text.utf8Span.span)
                == SourcePosition(of: 14, in: text.utf8Span.span)
        )
        #expect(SourcePosition(of: second.offset, in: text.utf8Span.span).line == 3)
        #expect(SourcePosition(of: second.offset, in: text.utf8Span.span).column == 2)
    }

    @Test func `writes what is not seen and changes what is shown as escapes`() throws {
        let hidden: [Unicode.Scalar] = [
            "\u{0}", "\u{1B}", "\u{7F}", "\u{80}", "\u{85}", "\u{9B}", "\u{9F}", "\u{61C}", "\u{200E}",
            "\u{200F}",
            "\u{2028}", "\u{2029}", "\u{202A}", "\u{202E}", "\u{2066}", "\u{2069}", "\u{FEFF}",
        ]
        for scalar in hidden {
            var writer = JSONWriter()
            writer.string("a\(scalar)b")
            let text = String(lossy: writer.finish().span)
            let digits = String(scalar.value, radix: 16)
            #expect(
                text.lowercased() == "\"a\\u\(String(repeating: "0", count: 4 - digits.count))\(digits)b\""
            )
            #expect(try JSONReader.read(text.octets.span).string == "a\(scalar)b")
        }
        var writer = JSONWriter()
        writer.string("Grüße, 漢字 🙂 \u{A0}\u{2027}\u{202F}")
        #expect(String(lossy: writer.finish().span) == "\"Grüße, 漢字 🙂 \u{A0}\u{2027}\u{202F}\"")
    }

    @Test func `reads escapes to the characters they denote`() throws {
        let value = try JSONReader.read("\"\\u0041\\ud83d\\ude00\\/\"".utf8Span.span)
        #expect(value.string == "A😀/")
    }

    @Test func `writes what it reads`() throws {
        let text = "{\"a\":[1,\"\\\"\\\\\\u0000é\",true,null,{}],\"b\":{\"c\":-2}}"
        var writer = JSONWriter()
        writer.value(try JSONReader.read(text.utf8Span.span))
        let written = writer.finish()
        #expect(String(lossy: written.span) == text)
    }
}
