// Bodies that are no JSON, no JSON-RPC, or not the same to every reader (cases 77 and 122 to 124).

import Bytes
import MCP
import Testing

@Suite struct EnvelopeRefusalTests {
    /// Values that stand for the argument of a call, none of them JSON.
    static let values: [(String, EnvelopeViolation)] = [
        ("", .unexpectedCharacter), ("tru", .unexpectedCharacter), ("True", .unexpectedCharacter),
        ("nul", .unexpectedCharacter), ("NaN", .unexpectedCharacter), ("Infinity", .unexpectedCharacter),
        ("undefined", .unexpectedCharacter), ("'a'", .unexpectedCharacter), ("1 2", .unexpectedCharacter),
        ("[1,]", .unexpectedCharacter), ("[,1]", .unexpectedCharacter), ("[1 2]", .unexpectedCharacter),
        ("{\"a\":1,}", .unexpectedCharacter), ("{a:1}", .unexpectedCharacter),
        ("{\"a\" 1}", .unexpectedCharacter),
        ("{\"a\"}", .unexpectedCharacter), ("{1:2}", .unexpectedCharacter), ("[1}", .unexpectedCharacter),
        ("{\"a\":1]", .unexpectedCharacter), ("/* c */1", .unexpectedCharacter),
        ("1//c", .unexpectedCharacter),
        ("\u{A0}1", .unexpectedCharacter), ("\u{2028}1", .unexpectedCharacter), ("+1", .unexpectedCharacter),
        (".5", .unexpectedCharacter), ("0x10", .unexpectedCharacter), ("1_0", .unexpectedCharacter),
        ("1a", .unexpectedCharacter), ("\u{0B}1", .unexpectedCharacter), ("1\u{00}", .unexpectedCharacter),
        ("01", .invalidNumber), ("-", .invalidNumber), ("-01", .invalidNumber), ("1.", .invalidNumber),
        ("1.e5", .invalidNumber), ("1e", .invalidNumber), ("1e+", .invalidNumber), ("-a", .invalidNumber),
        ("1e999", .invalidNumber), ("-1e999", .invalidNumber), ("1e0000999", .invalidNumber),
        (String(repeating: "9", count: 1_000_000), .invalidNumber),
        ("0." + String(repeating: "0", count: 1_000_000), .invalidNumber),
        ("\"\u{01}\"", .controlCharacter), ("\"a\nb\"", .controlCharacter), ("\"\t\"", .controlCharacter),
        ("\"12345678\u{1F}\"", .controlCharacter), ("\"\u{00}\"", .controlCharacter),
        (#""\a""#, .invalidEscape), (#""\'""#, .invalidEscape), (#""\x41""#, .invalidEscape),
        (#""\U0041""#, .invalidEscape), (#""\u004""#, .invalidEscape), (#""\u00g1""#, .invalidEscape),
        (#""\u+041""#, .invalidEscape), (#""\ ""#, .invalidEscape), (#""\u{41}""#, .invalidEscape),
        (#""\ud800""#, .invalidText), (#""\udc00""#, .invalidText), (#""\ud800\ud800""#, .invalidText),
        (#""\ud800x\udc00""#, .invalidText), (#""\ud800\n""#, .invalidText),
        (#""\udc00\ud800""#, .invalidText),
    ]

    @Test(arguments: values)
    func `case 122: refuses what is not JSON, at any depth`(value: String, violation: EnvelopeViolation) {
        for place in [value, "[\(value)]", "[0,\(value)]", "{\"k\":\(value)}"] where place != "[]" {
            let body = #"{"jsonrpc":"2.0","id":1,"method":"m","params":{"arguments":\#(place)}}"#
            let reading = Reading(body)
            #expect(reading.violation?.code == -32700)
            #expect(reading.messages.isEmpty)
            #expect(reading.id == nil)
            if place == value { #expect(reading.violation == violation) }
        }
    }

    /// Octets of a string that are no UTF-8 (RFC 3629 §3 and §10).
    static let sequences: [[UInt8]] = [
        [0x80], [0xBF], [0xC0, 0x80], [0xC0, 0xAF], [0xC1, 0xBF], [0xC2], [0xC2, 0x20], [0xC2, 0xC0],
        [0xE0, 0x80, 0xAF], [0xE0, 0x9F, 0xBF], [0xE1, 0x80], [0xE1, 0x80, 0x20], [0xE1, 0x80, 0xC0],
        [0xED, 0xA0, 0x80], [0xED, 0xBF, 0xBF], [0xF0, 0x80, 0x80, 0x80], [0xF0, 0x8F, 0xBF, 0xBF],
        [0xF0, 0x90, 0x80], [0xF4, 0x90, 0x80, 0x80], [0xF5, 0x80, 0x80, 0x80], [0xFE], [0xFF],
        [0xC2, 0x80, 0x80], [0xF0, 0x90, 0x80, 0x80, 0x80],
    ]

    @Test(arguments: sequences)
    func `case 122: refuses what is not UTF-8, wherever it stands`(sequence: [UInt8]) {
        for padding in 0..<17 {
            for template in [
                #"{"jsonrpc":"2.0","id":1,"method":"#, #"{"jsonrpc":"2.0","id":1,"method":"m","x":"#,
            ] {
                let text = Array(repeating: UInt8(ascii: "a"), count: padding) + sequence
                let body = Array(template.utf8) + [0x22] + text + [0x22, 0x7D]
                #expect(Reading(octets: body).violation == .invalidText)
            }
        }
    }

    @Test func `takes every character there is and refuses every other pair of octets`() {
        for first in UInt8(0x20)...0xFF {
            for second in UInt8(0x20)...0xFF
            where first != 0x22 && second != 0x22 && first != 0x5C && second != 0x5C {
                let octets = [first, second]
                let body = Array(#"{"jsonrpc":"2.0","id":1,"method":"m","x":""#.utf8) + octets + [0x22, 0x7D]
                let isText = String(validating: octets.span) != nil
                #expect((Reading(octets: body).violation == nil) == isText)
            }
        }
    }

    @Test func `case 122: refuses every control character, wherever it stands`() {
        for control in UInt8(0)..<0x20 {
            for place in 0..<17 {
                var text = Array(repeating: UInt8(ascii: "a"), count: 17)
                text[place] = control
                let body = Array(#"{"jsonrpc":"2.0","id":1,"method":"m","x":""#.utf8) + text + [0x22, 0x7D]
                #expect(Reading(octets: body).violation == .controlCharacter)
            }
        }
    }

    /// Whole bodies that are no JSON.
    static let texts: [(String, EnvelopeViolation)] = [
        ("", .unexpectedEnd), ("  \n", .unexpectedEnd), ("{", .unexpectedEnd), ("[", .unexpectedEnd),
        ("{\"", .unexpectedEnd), ("{\"a", .unexpectedEnd), ("{\"a\"", .unexpectedEnd),
        ("{\"a\":", .unexpectedEnd),
        ("{\"a\":1", .unexpectedEnd), ("{\"a\":1,", .unexpectedEnd), ("{\"a\":\"\\", .unexpectedEnd),
        ("{\"a\":\"\\u00", .unexpectedEnd), ("{\"a\":t", .unexpectedEnd), ("[{}", .unexpectedEnd),
        ("[{},", .unexpectedEnd), ("}", .unexpectedCharacter), ("]", .unexpectedCharacter),
        ("{,}", .unexpectedCharacter), ("[}", .unexpectedCharacter), ("{]", .unexpectedCharacter),
        ("\u{FEFF}{}", .byteOrderMark), ("\u{FEFF}", .byteOrderMark), (" \u{FEFF}{}", .unexpectedCharacter),
        ("{} {}", .trailingData), ("{}\u{00}", .trailingData), ("{}]", .trailingData), ("[],", .trailingData),
        ("1 1", .trailingData), ("{}\u{FEFF}", .trailingData),
    ]

    @Test(arguments: texts)
    func `case 122: refuses bodies that are not one JSON text`(body: String, violation: EnvelopeViolation) {
        let reading = Reading(body)
        #expect(reading.violation == violation)
        #expect(violation.code == -32700)
        #expect(reading.id == nil)
    }

    @Test func `case 122: refuses a message that is cut off anywhere`() {
        let body = Array(
            #"{"jsonrpc":"2.0","id":"é\n","method":"m\u0041","params":{"_meta":{"a":[1.5e3,true,{"b":null}]}}}"#
                .utf8
        )
        for length in 0..<body.count {
            #expect(Reading(octets: Array(body[..<length])).violation?.code == -32700)
        }
        #expect(Reading(octets: body).violation == nil)
    }

    @Test(arguments: ["[", "{\"a\":", "[{\"a\":", "{\"params\":", "{\"params\":{\"_meta\":{\"a\":["])
    func `case 123: refuses deep nesting`(opening: String) {
        let body = String(repeating: opening, count: 10_000)
        #expect(Reading(body).violation == .tooDeep)
    }

    /// A message with this inside is refused; `id` tells whether its id can be answered to.
    static let shapes: [(String, EnvelopeViolation, String?)] = [
        // Case 124 and case 77: duplicates at each level that is looked at.
        (#"{"jsonrpc":"2.0","id":1,"method":"a","method":"b"}"#, .duplicateMember, "1"),
        (#"{"jsonrpc":"2.0","id":1,"method":"a","method":"a"}"#, .duplicateMember, "1"),
        (#"{"jsonrpc":"2.0","id":1,"method":"a","m\u0065thod":"b"}"#, .duplicateMember, "1"),
        (#"{"jsonrpc":"2.0","jsonrpc":"2.0","id":1,"method":"a"}"#, .duplicateMember, "1"),
        (#"{"jsonrpc":"2.0","id":1,"id":2,"method":"a"}"#, .duplicateMember, nil),
        (#"{"jsonrpc":"2.0","id":null,"id":2,"method":"a"}"#, .invalidID, nil),
        (#"{"jsonrpc":"2.0","id":1,"method":"a","params":{},"params":{}}"#, .duplicateMember, "1"),
        (#"{"jsonrpc":"2.0","id":1,"method":"a","x":1,"x":1}"#, .duplicateMember, "1"),
        (#"{"jsonrpc":"2.0","id":1,"method":"a","x":1,"y":2,"\u0078":1}"#, .duplicateMember, "1"),
        (#"{"jsonrpc":"2.0","id":1,"method":"a","":1,"":1}"#, .duplicateMember, "1"),
        (#"{"jsonrpc":"2.0","id":1,"method":"a","params":{"name":"a","name":"b"}}"#, .duplicateMember, "1"),
        (#"{"jsonrpc":"2.0","id":1,"method":"a","params":{"name":1,"name":"b"}}"#, .duplicateMember, "1"),
        (
            #"{"jsonrpc":"2.0","id":1,"method":"a","params":{"uri":"a","ur\u0069":"b"}}"#, .duplicateMember,
            "1"
        ),
        (
            #"{"jsonrpc":"2.0","id":1,"method":"a","params":{"taskId":"a","taskId":"b"}}"#, .duplicateMember,
            "1"
        ),
        (
            #"{"jsonrpc":"2.0","id":1,"method":"a","params":{"arguments":{},"arguments":{}}}"#,
            .duplicateMember, "1"
        ),
        (#"{"jsonrpc":"2.0","id":1,"method":"a","params":{"_meta":{},"_meta":{}}}"#, .duplicateMember, "1"),
        (#"{"jsonrpc":"2.0","id":1,"method":"a","params":{"cursor":1,"cursor":1}}"#, .duplicateMember, "1"),
        (#"{"jsonrpc":"2.0","id":1,"method":"a","params":{"_meta":{"x":1,"x":1}}}"#, .duplicateMember, "1"),
        (
            #"{"jsonrpc":"2.0","id":1,"method":"a","params":{"_meta":{"io.modelcontextprotocol/protocolVersion":"1","#
                + #""io.modelcontextprotocol\/protocolVersion":"2"}}}"#,
            .duplicateMember, "1"
        ),
        // Case 77: reserved names in other letters.
        (#"{"jsonrpc":"2.0","id":1,"method":"a","Method":"b"}"#, .variantMember, "1"),
        (#"{"jsonrpc":"2.0","id":1,"Method":"b"}"#, .variantMember, "1"),
        (#"{"jsonrpc":"2.0","id":1,"method":"a","\u004dethod":"b"}"#, .variantMember, "1"),
        (#"{"jsonrpc":"2.0","ID":1,"method":"a"}"#, .variantMember, nil),
        (#"{"JSONRPC":"2.0","id":1,"method":"a"}"#, .variantMember, "1"),
        (#"{"jsonrpc":"2.0","id":1,"method":"a","Params":{}}"#, .variantMember, "1"),
        (#"{"jsonrpc":"2.0","id":1,"method":"a","paramſ":{}}"#, .variantMember, "1"),
        (#"{"jsonrpc":"2.0","id":1,"method":"a","param\u017f":{}}"#, .variantMember, "1"),
        (#"{"jsonrpc":"2.0","id":1,"method":"a","ıd":2}"#, .variantMember, "1"),
        (#"{"jsonrpc":"2.0","id":1,"method":"a","İd":2}"#, .variantMember, "1"),
        (#"{"jsonrpc":"2.0","id":1,"result":{},"Error":{}}"#, .variantMember, nil),
        (#"{"jsonrpc":"2.0","id":1,"method":"a","params":{"NAME":"b"}}"#, .variantMember, "1"),
        (#"{"jsonrpc":"2.0","id":1,"method":"a","params":{"name":"a","Name":"b"}}"#, .variantMember, "1"),
        (#"{"jsonrpc":"2.0","id":1,"method":"a","params":{"URI":"b"}}"#, .variantMember, "1"),
        (#"{"jsonrpc":"2.0","id":1,"method":"a","params":{"taskID":"b"}}"#, .variantMember, "1"),
        (#"{"jsonrpc":"2.0","id":1,"method":"a","params":{"tasKId":"b"}}"#, .variantMember, "1"),
        (#"{"jsonrpc":"2.0","id":1,"method":"a","params":{"tas\u212aId":"b"}}"#, .variantMember, "1"),
        (#"{"jsonrpc":"2.0","id":1,"method":"a","params":{"_META":{}}}"#, .variantMember, "1"),
        (#"{"jsonrpc":"2.0","id":1,"method":"a","params":{"_Meta":{},"_meta":{}}}"#, .variantMember, "1"),
        (#"{"jsonrpc":"2.0","id":1,"method":"a","params":{"Arguments":{}}}"#, .variantMember, "1"),
        (
            #"{"jsonrpc":"2.0","id":1,"method":"a","params":{"_meta":{"io.modelcontextprotocol/protocolversion":"x"}}}"#,
            .variantMember, "1"
        ),
        (
            #"{"jsonrpc":"2.0","id":1,"method":"a","params":{"_meta":{"IO.modelcontextprotocol/clientCapabilities":{}}}}"#,
            .variantMember, "1"
        ),
        // A name at whose middle some readers stop.
        (#"{"jsonrpc":"2.0","id":1,"method":"a\u0000b"}"#, .nullCharacter, "1"),
        (#"{"jsonrpc":"2.0","id":1,"method":"a","method\u0000":"b"}"#, .nullCharacter, "1"),
        (#"{"jsonrpc":"2.0","id":1,"method":"a","params":{"name":"x\u0000"}}"#, .nullCharacter, "1"),
        // What is no message.
        ("1", .notAnObject, nil), ("\"a\"", .notAnObject, nil), ("null", .notAnObject, nil),
        ("[]", .emptyBatch, nil), ("[1]", .notAnObject, nil), ("[[]]", .notAnObject, nil),
        ("{}", .invalidVersion, nil),
        (
            #"[{"jsonrpc":"2.0","id":1,"method":"a"},[{"jsonrpc":"2.0","id":1,"method":"a"}]]"#, .notAnObject,
            nil
        ),
        (#"[{"jsonrpc":"2.0","id":1,"method":"a"},{"jsonrpc":"2.0","id":1}]"#, .missingMethod, nil),
        (#"{"id":1,"method":"a"}"#, .invalidVersion, "1"),
        (#"{"jsonrpc":2.0,"id":1,"method":"a"}"#, .invalidVersion, "1"),
        (#"{"jsonrpc":"1.0","id":1,"method":"a"}"#, .invalidVersion, "1"),
        (#"{"jsonrpc":"2.0","id":1}"#, .missingMethod, "1"),
        (#"{"jsonrpc":"2.0","id":1,"method":5}"#, .missingMethod, "1"),
        (#"{"jsonrpc":"2.0","id":1,"method":["tools/list"]}"#, .missingMethod, "1"),
        (#"{"jsonrpc":"2.0","id":1,"method":null}"#, .missingMethod, "1"),
        (#"{"jsonrpc":"2.0","id":null,"method":"a"}"#, .invalidID, nil),
        (#"{"jsonrpc":"2.0","id":1.5,"method":"a"}"#, .invalidID, nil),
        (#"{"jsonrpc":"2.0","id":1e3,"method":"a"}"#, .invalidID, nil),
        (#"{"jsonrpc":"2.0","id":true,"method":"a"}"#, .invalidID, nil),
        (#"{"jsonrpc":"2.0","id":{},"method":"a"}"#, .invalidID, nil),
        (#"{"jsonrpc":"2.0","result":{}}"#, .invalidID, nil),
        (#"{"jsonrpc":"2.0","id":1,"method":"a","params":[]}"#, .invalidParams, "1"),
        (#"{"jsonrpc":"2.0","id":1,"method":"a","params":null}"#, .invalidParams, "1"),
        (#"{"jsonrpc":"2.0","id":1,"method":"a","params":"x"}"#, .invalidParams, "1"),
        (#"{"jsonrpc":"2.0","id":1,"method":"a","result":{}}"#, .ambiguousKind, "1"),
        (#"{"jsonrpc":"2.0","id":1,"method":"a","error":{}}"#, .ambiguousKind, "1"),
        (#"{"jsonrpc":"2.0","id":1,"result":{},"error":{}}"#, .ambiguousKind, nil),
    ]

    @Test(arguments: shapes)
    func `cases 77 and 124: refuses messages that readers could take differently`(
        body: String,
        violation: EnvelopeViolation,
        id: String?
    ) {
        let reading = Reading(body)
        #expect(reading.violation == violation)
        #expect(violation.code == -32600)
        #expect(reading.messages.isEmpty)
        #expect(reading.id == id)
    }

    @Test func `what is no JSON is reported before what is no message`() {
        #expect(Reading(#"{"jsonrpc":"2.0","id":1,"method":"a","method":"b""#).violation == .unexpectedEnd)
        #expect(Reading(#"{"id":1}x"#).violation == .trailingData)
        #expect(Reading(#"{"id":1}x"#).id == nil)
        #expect(Reading(#"[1,{"x":tru}]"#).violation == .unexpectedCharacter)
    }

    @Test func `every refusal has a code and a sentence of its own`() {
        let codes = EnvelopeViolation.allCases.map(\.rawValue) + ProtocolViolation.allCases.map(\.rawValue)
        let sentences =
            EnvelopeViolation.allCases.map(\.sentence) + ProtocolViolation.allCases.map(\.sentence)
        #expect(Set(codes).count == codes.count)
        #expect(Set(sentences).count == sentences.count)
        let numbers = Set(EnvelopeViolation.allCases.map(\.code) + ProtocolViolation.allCases.map(\.code))
        #expect(numbers == [-32700, -32600, -32602, -32020])
    }
}
