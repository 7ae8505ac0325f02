// What the strict reader accepts and refuses, in the manner of the public JSON test suites.

import Bytes
import JSON
import Testing

@Suite struct JSONTableTests {
    @Test(arguments: [
        "[[]   ]", "[\"\"]", "[]", "[\"a\"]", "[false]", "[null, 1, \"1\", {}]", "[null]", "[1\n]", " [1]",
        "[1,null,null,null,2]", "[2] ", "[123e65]", "[0e+1]", "[0e1]", "[ 4]",
        "[-0.000000000000000000000000001]",
        "[20e1]", "[-0]", "[-123]", "[-1]", "[1E22]", "[1E-2]", "[1E+2]", "[123e45]", "[123.456e78]",
        "[1e-2]",
        "[123.456789]", "{\"asd\":\"sdf\", \"dfg\":\"fgh\"}", "{\"asd\":\"sdf\"}", "{}", "{\"\":0}",
        "{\"foo\\u0000bar\": 42}", "{ \"min\": -1.0e+28, \"max\": 1.0e+28 }", "{\"a\":[]}",
        "{\n\"a\": \"b\"\n}",
        "[\"\\u0060\\u012a\\u12AB\"]", "[\"\\uD801\\udc37\"]", "[\"\\ud83d\\ude39\\ud83d\\udc8d\"]",
        "[\"\\\"\\\\\\/\\b\\f\\n\\r\\t\"]", "[\"\\\\u0000\"]", "[\"\\\"\"]", "[\"a/*b*/c/*d//e\"]",
        "[\"\\\\n\"]",
        "[\"\\u0012\"]", "[\"\\uFFFF\"]", "[\"\u{FFFF}\"]", "[\"\u{10FFFF}\"]", "[\"\u{7F}\"]",
        "[\"\u{2028}\u{2029}\"]",
        "[\"\\uDBFF\\uDFFE\"]", "[\"\\u200B\"]", "[\"\\uFDD0\"]", "false", "42", "-0.1", "null", "\"asd\"",
        "true", "\"\"",
        "[\"a\"]\n", "\t[\r\n]\t", "{\"a\":1,\"b\":1,\"A\":1}", "\"\u{FEFF}\"",
    ])
    func `accepts`(text: String) throws {
        _ = try JSONReader.read(text.utf8Span.span)
    }

    @Test(arguments: [
        "[1 true]", "[\"\": 1]", "[\"\"],", "[,1]", "[1,,2]", "[\"x\",,]", "[\"x\"]]", "[\"\",]", "[\"x\"",
        "[x",
        "[3[4]]", "[1:2]", "[,]", "[-]", "[   , \"\"]", "[\"a\",\n4\n,1,", "[1,]", "[*]", "[\"\"", "[1,",
        "[1,\n1\n,1",
        "[{}", "[fals]", "[nul]", "[tru]", "[++1234]", "[+1]", "[+Inf]", "[-01]", "[-1.0.]", "[-2.]",
        "[-NaN]",
        "[.-1]", "[.2e-3]", "[0.1.2]", "[0.3e+]", "[0.3e]", "[0.e1]", "[0E+]", "[0E]", "[0e+]", "[0e]",
        "[1.0e+]",
        "[1.0e-]", "[1.0e]", "[1 000.0]", "[1eE2]", "[2.e+3]", "[2.e3]", "[9.e+]", "[Inf]", "[NaN]", "[1+2]",
        "[0x1]",
        "[0x42]", "[Infinity]", "[0e+-1]", "[-123.123foo]", "[-Infinity]", "[-foo]", "[- 1]", "[-012]",
        "[-.123]",
        "[-1x]", "[1ea]", "[1.]", "[.123]", "[1.2a-3]", "[1.8011670033376514H-308]", "[012]", "[\u{FF11}]",
        "[\"x\", truth]", "{[: \"x\"}", "{\"x\", null}", "{\"x\"::\"b\"}", "{\u{1F1E8}}", "{\"a\":\"a\" 123}",
        "{key: 'v'}",
        "{\"a\" b}", "{:\"b\"}", "{\"a\" \"b\"}", "{\"a\":", "{\"a\"", "{1:1}", "{9999E9999:1}",
        "{null:null}", "{\"id\":0,,}",
        "{'a':0}", "{\"id\":0,}", "{\"a\":\"b\"}/**/", "{\"a\":\"b\"}//", "{\"a\":\"b\",,\"c\":\"d\"}",
        "{a: \"b\"}",
        "{\"a\":\"a", "{ \"foo\" : \"bar\", \"a\" }", "{\"a\":\"b\"}#", " ", "[\"\\uD800\\\"]",
        "[\"\\uD800\\u\"]",
        "[\"\\uD800\\u1\"]", "[\"\\uD800\\u1x\"]", "[\u{E9}]", "[\"\\x00\"]", "[\"\\\\\\\"]", "[\"\\\t\"]",
        "[\"\\\u{1F300}\"]", "[\"\\", "[\"\\\"]", "[\"\\u00A\"]", "[\"\\uD834\\uDd\"]",
        "[\"\\uD800\\uD800\\x\"]",
        "[\"\\a\"]", "[\"\\uqqqq\"]", "[\\u0020\"asd\"]", "[\\n]", "\"", "['single quote']", "abc", "[\"\\",
        "[\"new\nline\"]",
        "[\"\t\"]", "\"\\UA66D\"", "\"\"x", "<.>", "[<null>]", "[1]x", "[1]]", "[\"asd]", "aå", "[True]",
        "1]", "{\"x\": true,",
        "[][]", "]", "}", "\u{FEFF}[]", "[", "[{", "[\"a", "[\"a\"", "{\"", "{,", "{\"a\":/*comment*/\"b\"}",
        "{\"a\": true} \"x\"", "[\\u000A\"\"]", "[1", "[ false, nul", "[ true, fals", "[ false, tru",
        "\u{2060}[]", "\u{B}[]",
        "[\u{C}]", "\u{A0}[]", "[\"\\ud800\"]", "[\"\\udfff\"]", "[\"\\ud800abc\"]", "[\"\\udc00\\ud800\"]",
        "nullx", "truefalse",
        "{\"a\":1,\"a\":1}", "{\"\":1,\"\":2}", "{\"a\\u0000\":1,\"a\\u0000\":2}",
        "{\"x\":{\"b\":1,\"\\u0062\":2}}",
        "\u{0}", "1\u{0}", "[1]\u{0}", "\"a\u{0}b\"",
    ])
    func `refuses`(text: String) {
        #expect(throws: JSONError.self) { _ = try JSONReader.read(text.utf8Span.span) }
    }

    /// Lone continuation, truncated, overlong, surrogate, beyond U+10FFFF, Latin-1, UTF-16.
    @Test(
        arguments: [
            [0x22, 0x80, 0x22], [0x22, 0xE2, 0x82, 0x22], [0x22, 0xC0, 0xAF, 0x22],
            [0x22, 0xE0, 0x80, 0xAF, 0x22],
            [0x22, 0xED, 0xA0, 0x80, 0x22], [0x22, 0xF4, 0x90, 0x80, 0x80, 0x22],
            [0x22, 0xF8, 0x88, 0x80, 0x80, 0x80, 0x22],
            [0x22, 0xE9, 0x22], [0x22, 0xC3, 0x5C, 0x75, 0x30, 0x30, 0x61, 0x39, 0x22],
            [0xFE, 0xFF, 0x00, 0x5B, 0x00, 0x5D],
            [0x5B, 0x00, 0x5D, 0x00], [0x7B, 0x22, 0xFF, 0x22, 0x3A, 0x31, 0x7D],
        ] as [[UInt8]]
    )
    func `refuses what is not UTF-8`(octets: [UInt8]) {
        #expect(throws: JSONError.self) { _ = try JSONReader.read(octets.span) }
    }

    @Test(
        arguments: [
            ("0", .integer(0)), ("-0", .integer(0)), ("9223372036854775807", .integer(.max)),
            ("-9223372036854775808", .integer(.min)),
            ("9223372036854775808", .double(9_223_372_036_854_775_808)),
            ("1.0", .double(1)), ("1e2", .double(100)), ("-0.0", .double(-0.0)), ("0.1", .double(0.1)),
            ("1.7976931348623157e308", .double(.greatestFiniteMagnitude)), ("1e-7", .double(1e-7)),
        ] as [(String, JSONNumber)]
    )
    func `reads numbers`(text: String, number: JSONNumber) throws {
        #expect(try JSONReader.read(text.utf8Span.span).number == number)
    }

    @Test(arguments: ["1e309", "-1e309", "1e99999", String(repeating: "1", count: 65)])
    func `refuses numbers that are not finite or too long`(text: String) {
        let error = #expect(throws: JSONError.self) { try JSONReader.read(text.utf8Span.span) }
        #expect(error?.reason == .invalidNumber)
    }

    @Test(
        arguments: [
            ("", .unexpectedEnd, 0), ("[1, x]", .unexpectedCharacter, 4), ("[1] 2", .trailingData, 4),
            ("\u{FEFF}1", .byteOrderMark, 0), ("[\"\\ud800\"]", .invalidText, 2),
            ("\"a\u{1}\"", .controlCharacter, 2),
            ("[\"\\x\"]", .invalidEscape, 2), ("[01]", .invalidNumber, 1),
            ("{\"a\":1,\"a\":2}", .duplicateMember("a"), 7),
            ("[[[[]]]]", .tooDeep, 3), ("[1,2,3,4,5,6,7,8]", .tooManyValues, 15),
            ("{\"a\" 1}", .unexpectedCharacter, 5),
            ("[1,]", .unexpectedCharacter, 3), ("[\"", .unexpectedEnd, 2), ("tru", .unexpectedEnd, 0),
        ] as [(String, JSONError.Reason, Int)]
    )
    func `says what is wrong and where`(text: String, reason: JSONError.Reason, offset: Int) {
        let error = #expect(throws: JSONError.self) {
            try JSONReader.read(text.utf8Span.span, maximumDepth: 3, maximumValues: 8)
        }
        #expect(error?.reason == reason)
        #expect(error?.offset == offset)
    }

    @Test func `accepts the deepest nesting allowed and nothing deeper`() throws {
        let depth = JSONReader.defaultMaximumDepth
        let deepest = String(repeating: "[", count: depth) + String(repeating: "]", count: depth)
        _ = try JSONReader.read(deepest.utf8Span.span)
        let error = #expect(throws: JSONError.self) { try JSONReader.read("[\(deepest)]".utf8Span.span) }
        #expect(error?.reason == .tooDeep)
        #expect(error?.offset == depth)
        let siblings = "[" + String(repeating: "[],", count: 1000) + "[]]"
        _ = try JSONReader.read(siblings.utf8Span.span)
    }

    @Test func `every octet replaced or removed is read or refused, never more`() {
        let text = Array("{\"a\":[1,-2.5e3,\"x\\n\\ud83d\\ude00é\",true,false,null,{}],\"b\":\"\"}".utf8)
        for index in text.indices {
            _ = try? JSONReader.read(Array(text[..<index]).span)
            for octet in [0x00, 0x22, 0x5C, 0x2C, 0x5D, 0x7D, 0x75, 0x39, 0x80, 0xFF] as [UInt8] {
                var changed = text
                changed[index] = octet
                _ = try? JSONReader.read(changed.span)
            }
            #expect(throws: JSONError.self) { _ = try JSONReader.read(Array(text[..<index]).span) }
        }
    }
}
