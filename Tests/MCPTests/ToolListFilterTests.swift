// Tool lists in JSON bodies: what is cut, what stays, and what is refused.

import Bytes
import JSON
import MCP
import Testing

/// A body that was filtered; tools whose name begins with `h` are hidden.
struct FilteredBody: Equatable {
    var output = ""
    var violation: ToolListViolation?
    var names: [String] = []

    init(_ body: String) {
        self.init(body.octets)
    }

    init(_ body: [UInt8]) {
        var buffer = ByteBuffer()
        var names: [String] = []
        do throws(ToolListViolation) {
            try ToolListFilter.filter(body.span, into: &buffer) { name in
                names.append(String(lossy: name))
                return Self.isVisible(name)
            }
        } catch {
            violation = error
        }
        output = String(lossy: buffer.span)
        self.names = names
    }

    static func isVisible(_ name: borrowing Span<UInt8>) -> Bool {
        name.isEmpty || name[0] != UInt8(ascii: "h")
    }
}

@Suite struct ToolListFilterTests {
    @Test(arguments: [
        // Elements of the array: what stays of them.
        (#" "#, #" "#),
        (#"{"name":"a"}"#, #"{"name":"a"}"#),
        (#"{"name":"h"}"#, #""#),
        (#" {"name":"h"} "#, #"  "#),
        (#" {"name":"h"} , {"name":"h"}"#, #" "#),
        (#"{"name":"h1"},{"name":"a"}"#, #"{"name":"a"}"#),
        (#"{"name":"a"},{"name":"h1"}"#, #"{"name":"a"}"#),
        (#" {"name":"a"} , {"name":"h"} , {"name":"b"} "#, #" {"name":"a"} , {"name":"b"} "#),
        (
            #"{"name":"h"},{"name":"h"},{"name":"a"},{"name":"h"},{"name":"h"},{"name":"b"},{"name":"h"}"#,
            #"{"name":"a"},{"name":"b"}"#
        ),
        (
            #"{"name":"a"},{"name":"a"},{"name":"h"},{"name":"h"},{"name":"a"}"#,
            #"{"name":"a"},{"name":"a"},{"name":"a"}"#
        ),
        (
            #"{"inputSchema":{"name":"a"},"name":"h"},{"name":"a","x":[{"name":"h"}]}"#,
            #"{"name":"a","x":[{"name":"h"}]}"#
        ),
        (#"{"x":"]},\"name\":\"a\"","name":"h"},{"name":"b"}"#, #"{"name":"b"}"#),
    ])
    func `cuts hidden tools and one comma each`(elements: String, expected: String) {
        let body = #"{"jsonrpc":"2.0", "id":1,"result":{"tools":[\#(elements)],"nextCursor":"h"}}"#
        let filtered = FilteredBody(body)
        #expect(filtered.violation == nil)
        #expect(
            filtered.output
                == #"{"jsonrpc":"2.0", "id":1,"result":{"tools":[\#(expected)],"nextCursor":"h"}}"#
        )
    }

    @Test(arguments: [
        (#""\u0068idden""#, "hidden"),
        (#""h\u0069dden""#, "hidden"),
        (#""\u00e9\/\"\\\b\f\n\r\t""#, "\u{E9}/\"\\\u{8}\u{C}\n\r\t"),
        (#""\ud83d\ude00""#, "\u{1F600}"),
        (#""天気""#, "天気"),
        (#""""#, ""),
        (#""\u0000""#, "\u{0}"),
    ])
    func `asks for names with their escapes resolved`(written: String, name: String) {
        let filtered = FilteredBody(#"{"result":{"tools":[{"name":\#(written)}]}}"#)
        #expect(filtered.names == [name])
        #expect(filtered.output.contains("name") == !name.hasPrefix("h"))
    }

    @Test func `finds members whose names are written with escapes`() {
        let body = #"{"re\u0073ult":{"\u0074ools":[{"n\u0061me":"h"}],"cache\u0053cope":"public"}}"#
        let expected = #"{"re\u0073ult":{"\u0074ools":[],"cache\u0053cope":"private"}}"#
        #expect(FilteredBody(body).output == expected)
    }

    @Test(arguments: [
        (#"{"tools":[],"ttlMs":5,"cacheScope":"public"}"#, #"{"tools":[],"ttlMs":5,"cacheScope":"private"}"#),
        (#"{"cacheScope":"public","tools":[{"name":"h"}]}"#, #"{"cacheScope":"private","tools":[]}"#),
        (#"{"cacheScope":"private","tools":[]}"#, #"{"cacheScope":"private","tools":[]}"#),
        (#"{"cacheScope":"pri\u0076ate","tools":[]}"#, #"{"cacheScope":"private","tools":[]}"#),
        (#"{"cacheScope":null,"tools":[]}"#, #"{"cacheScope":"private","tools":[]}"#),
        (#"{"cacheScope":{"a":[1]},"tools":[]}"#, #"{"cacheScope":"private","tools":[]}"#),
        (#"{"ttlMs": 5 ,"tools":[]}"#, #"{"ttlMs": 5,"cacheScope":"private" ,"tools":[]}"#),
        (#"{"tools":[{"name":"h"}],"ttlMs":5}"#, #"{"tools":[],"ttlMs":5,"cacheScope":"private"}"#),
        (#"{"tools":[]}"#, #"{"tools":[]}"#),
        (#"{"cacheScope":"public","ttlMs":5}"#, #"{"cacheScope":"public","ttlMs":5}"#),
    ])
    func `marks tool lists private where they say how to cache them`(result: String, expected: String) {
        #expect(FilteredBody(#"{"result":\#(result)}"#).output == #"{"result":\#(expected)}"#)
    }

    @Test(arguments: [
        #"{"jsonrpc":"2.0","id":1,"error":{"code":-1,"message":"m","data":{"tools":[{"name":"h"}]}}}"#,
        #"{"id":1,"result":{"content":[{"type":"text","text":"\"tools\":[{\"name\":\"h\"}]"}]}}"#,
        #"{"id":1,"result":{"_meta":{"tools":[{"name":"h"}]},"structuredContent":{"result":{"tools":5}}}}"#,
        #"{"method":"x","params":{"result":{"tools":[{"name":"h"}]},"tools":[{"name":"h"}]}}"#,
        #"{"id":1,"result":{"tools ":[1],"tool":[{"name":"h"}]},"tools":[{"name":"h"}]}"#,
        #"{"id":1,"result":"tools"}"#, #"{"id":1,"result":[{"tools":[{"name":"h"}]}]}"#,
        #"{"id":1,"result":null}"#,
        #"{"error":"invalid_token"}"#, #"[]"#, #"[1,"a",null,{"x":[{"result":{"tools":5}}]}]"#, #"{}"#,
        #" "x" "#,
        #"{"id":1e400,"x":"\ud800","result":{"y":-0.5E+9}}"#,
    ])
    func `leaves everything else as it is`(body: String) {
        let filtered = FilteredBody(body)
        #expect(filtered.violation == nil)
        #expect(filtered.output == body)
        #expect(filtered.names == [])
    }

    @Test func `filters each response of a batch`() {
        let list = #"{"id":1,"result":{"tools":[{"name":"h"},{"name":"a"}],"ttlMs":1}}"#
        let filtered = #"{"id":1,"result":{"tools":[{"name":"a"}],"ttlMs":1,"cacheScope":"private"}}"#
        let error = #"{"id":2,"error":{"code":1,"message":"tools"}}"#
        #expect(
            FilteredBody("[\(list), \(error) ,7,\(list)]").output == "[\(filtered), \(error) ,7,\(filtered)]"
        )
    }

    @Test(arguments: [
        (#"{"tools":null}"#, ToolListViolation.malformed),
        (#"{"tools":{}}"#, .malformed),
        (#"{"tools":{"0":{"name":"h"}}}"#, .malformed),
        (#"{"tools":"h"}"#, .malformed),
        (#"{"tools":["h"]}"#, .malformed),
        (#"{"tools":[{"name":"a"},null]}"#, .malformed),
        (#"{"tools":[[{"name":"h"}]]}"#, .malformed),
        (#"{"tools":[{}]}"#, .malformed),
        (#"{"tools":[{"Name":"a"}]}"#, .variantMember),
        (#"{"tools":[{"name":"a","NAME":"h"}]}"#, .variantMember),
        (#"{"Tools":[{"name":"h"}]}"#, .variantMember),
        (#"{"tool\u017f":[{"name":"h"}]}"#, .variantMember),
        (#"{"tools":[{"name":5}]}"#, .malformed),
        (#"{"tools":[{"name":["h"]}]}"#, .malformed),
        (#"{"tools":[{"name":"\ud800"}]}"#, .malformed),
        (#"{"tools":[{"\ud800":"","name":"a"}]}"#, .malformed),
        (#"{"tools":[{"name":"a","name":"h"}]}"#, .duplicateMember),
        (#"{"tools":[{"name":"a","n\u0061me":"h"}]}"#, .duplicateMember),
        (#"{"tools":[],"tools":[{"name":"h"}]}"#, .duplicateMember),
        (#"{"tools":[],"t\u006fols":[{"name":"h"}]}"#, .duplicateMember),
        (#"{"cacheScope":"private","tools":[],"cacheScope":"public"}"#, .duplicateMember),
        (#"{},"result":{"tools":[{"name":"h"}]}"#, .duplicateMember),
        (#"{"tools":[{"name":"a"},]}"#, .malformed),
        (#"{"tools":[{"name":"a"}{"name":"h"}]}"#, .notJSON),
        (#"{"tools":[{"name":"a""x":1}]}"#, .notJSON),
        (#"{"tools":[{"name":"a",}]}"#, .notJSON),
        (#"{"tools":[{'name':"a"}]}"#, .notJSON),
        (#"{"tools":[{"name":"a"}]"#, .notJSON),
        (#"{"tools":[{"name":"a"}]}}"#, .notJSON),
        (#"{"tools":[/**/]}"#, .malformed),
        (#"{"x":NaN,"tools":[]}"#, .notJSON),
        (#"{"x":Infinity,"tools":[]}"#, .notJSON),
        (#"{"x":01}"#, .notJSON), (#"{"x":.5}"#, .notJSON), (#"{"x":5.}"#, .notJSON),
        (#"{"x":+5}"#, .notJSON),
        (#"{"x":5e}"#, .notJSON), (#"{"x":-}"#, .notJSON), (#"{"x":0x1}"#, .notJSON),
        (#"{"x":"\x41"}"#, .notJSON), (#"{"x":"\u00g0"}"#, .notJSON), (#"{"x":tru}"#, .notJSON),
        ("{\"x\":\"\n\"}", .notJSON), ("{\"x\":\"\u{1F}\"}", .notJSON),
    ])
    func `refuses what it cannot read for certain`(result: String, violation: ToolListViolation) {
        let filtered = FilteredBody(#"{"id":1,"result":\#(result)}"#)
        #expect(filtered.violation == violation)
        #expect(filtered.output == "")
        #expect(FilteredBody(#"[{"id":1,"result":\#(result)}]"#).violation == violation)
    }

    @Test(arguments: [
        "", " ", "\u{FEFF}{}", "{} {}", "{}x", "{\u{A0}}", "data: {}", "<html>", "\u{0}", "\"\\", "\"\\u00",
    ])
    func `refuses what is no JSON text`(body: String) {
        #expect(FilteredBody(body).violation == .notJSON)
    }

    @Test func `refuses a body that breaks off anywhere`() {
        let body =
            #"{"id":-1.5e+3,"result":{"tools":[{"name":"\u0061","x":[true,false,null]},{"name":"h"}]}}"#
            .octets
        for count in 0..<body.count {
            let filtered = FilteredBody(Array(body.prefix(count)))
            #expect(filtered.violation == .notJSON, "after \(count)")
            #expect(filtered.output == "")
        }
    }

    @Test func `refuses octets that are not UTF-8`() {
        for octets: [UInt8] in [
            [0xFF], [0xC0, 0x80], [0xED, 0xA0, 0x80], [0xF4, 0x90, 0x80, 0x80], [0xE2, 0x82],
        ] {
            #expect(FilteredBody(#"{"x":""#.octets + octets + #""}"#.octets).violation == .notJSON)
        }
    }

    @Test func `depth is bounded`() {
        func nested(_ depth: Int) -> String {
            String(repeating: "[", count: depth) + String(repeating: "]", count: depth)
        }
        #expect(FilteredBody(#"{"x":\#(nested(127))}"#).violation == nil)
        #expect(FilteredBody(#"{"x":\#(nested(128))}"#).violation == .tooDeep)
        #expect(FilteredBody(#"{"x":"# + String(repeating: "[", count: 1_000_000)).violation == .tooDeep)
        #expect(FilteredBody(String(repeating: #"{"a":"#, count: 100_000)).violation == .tooDeep)
        let flat = #"{"x":["# + Array(repeating: "[{}]", count: 1000).joined(separator: ",") + "]}"
        #expect(FilteredBody(flat).output == flat)
    }

    @Test func `huge lists are filtered`() {
        let tools = (0..<20_000).map { #"{"name":"\#($0 % 3 == 0 ? "a" : "h")\#($0)"}"# }
        let visible = tools.enumerated().filter { $0.offset % 3 == 0 }.map(\.element)
        func body(_ tools: [String]) -> String {
            #"{"result":{"tools":[\#(tools.joined(separator: ", "))]}}"#
        }
        #expect(FilteredBody(body(tools)).output == body(visible))
    }
}
