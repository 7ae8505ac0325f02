// Tool lists in event streams.

import Bytes
import MCP
import Testing

/// A stream that was filtered in portions; tools whose name begins with `h` are hidden.
private struct Filtering: Equatable {
    var output = ""
    var violation: ToolListViolation?

    init(_ stream: String, cuts: [Int] = [], maximumEventLength: Int = 65536) {
        let octets = stream.octets
        var filter = ToolListStreamFilter(maximumEventLength: maximumEventLength)
        var buffer = ByteBuffer()
        do throws(ToolListViolation) {
            var start = 0
            for end in cuts + [octets.count] {
                try filter.filter(
                    octets.span.extracting(start..<end),
                    into: &buffer,
                    isVisible: FilteredBody.isVisible
                )
                start = end
            }
            try filter.finish(into: &buffer, isVisible: FilteredBody.isVisible)
        } catch {
            violation = error
        }
        output = String(lossy: buffer.span)
    }
}

@Suite struct ToolListStreamFilterTests {
    private static let list = #"{"id":1,"result":{"tools":[{"name":"h"},{"name":"a"}],"ttlMs":1}}"#
    private static let shown = #"{"id":1,"result":{"tools":[{"name":"a"}],"ttlMs":1,"cacheScope":"private"}}"#

    @Test(arguments: ["\n", "\r\n", "\r"])
    func `filters the message and nothing else`(end: String) {
        let lines = [
            ": ping", "", "id: 1", "data:", "", "retry: 500", "",
            "event: message", #"data: {"method":"notifications/progress","params":{"tools":[{"name":"h"}]}}"#,
            "",
            "id: 2", "event: message", "data: \(Self.list)", ": in between", "", "event: ping",
            "data: not JSON", "",
        ]
        var expected = lines
        expected[12] = "data: \(Self.shown)"
        let filtering = Filtering(lines.joined(separator: end))
        #expect(filtering.violation == nil)
        #expect(filtering.output == expected.joined(separator: end))
    }

    @Test(arguments: [
        "\u{FEFF}data: {\"result\":{\"tools\":[{\"name\":\"h\"}]}}\r\n\r\ndata: 1\r\r\n",
        "data: {\"result\":\rdata:{\"tools\":[\r\n: c\ndata:  {\"name\":\"h\"},\ndata\ndata: {\"name\":\"b\"}]}}\n\n",
        "event: endpoint\ndata: /m\n\nevent:\ndata: {\"result\":{\"tools\":[{\"name\":\"h\"}]}}\n\n",
        "event: x\nevent\ndata: {\"result\":{\"tools\":[{\"name\":\"h\"}]}}",
        "data: {}\n\n:\n\ndata: {\"result\":{\"tools\":[{\"name\":\n\ndata: 1\n\n",
    ])
    func `the output does not depend on how the stream is split`(stream: String) {
        let count = stream.utf8.count
        let whole = Filtering(stream)
        #expect(!whole.output.contains(#""h""#))
        #expect(Filtering(stream, cuts: Array(1..<count)) == whole)
        for first in 0...count {
            #expect(Filtering(stream, cuts: [first]) == whole, "split at \(first)")
            for second in first...count {
                #expect(Filtering(stream, cuts: [first, second]) == whole, "split at \(first) and \(second)")
            }
        }
    }

    @Test func `a message over several lines stays one`() {
        let stream =
            "data: {\"result\":\r\nid: 7\r\ndata: {\"tools\":[\r\ndata: {\"name\":\"h\"},\r\ndata: {\"name\":\"a\"}\r\ndata: ]}}\r\n\r\n"
        let expected =
            "data: {\"result\":\r\nid: 7\r\ndata: {\"tools\":[\r\ndata: {\"name\":\"a\"}\r\ndata: ]}}\r\n:\r\n\r\n"
        #expect(Filtering(stream).output == expected)
        let unchanged = stream.replacing(#""h""#, with: #""b""#)
        #expect(Filtering(unchanged).output == unchanged)
    }

    @Test(arguments: [
        // Not a message for any client.
        "event: other\ndata: {\"result\":{\"tools\":[{\"name\":\"h\"}]}}\n\n",
        "event: endpoint\ndata: /messages?session_id=h\n\n",
        // No data at all.
        "event: message\nid: 5\n\n", ": {\"result\":{\"tools\":5}}\n\n",
        "date: {\"result\":{\"tools\":5}}\n\n",
        // A priming event.
        "id: 0\ndata: \n\n", "id: 0\ndata\nretry: 3\n\n",
    ])
    func `passes what is no message`(stream: String) {
        #expect(Filtering(stream).output == stream)
        #expect(Filtering(stream).violation == nil)
    }

    @Test(arguments: [
        ("data: {\"result\":{\"tools\":[\"h\"]}}\n\n", ToolListViolation.malformed),
        ("data: {\"result\":{\"tools\":[],\"tools\":[]}}\n\n", .duplicateMember),
        ("data: not JSON\n\n", .notJSON),
        ("data: {\"x\":\"a\ndata: b\"}\n\n", .notJSON),
        ("data:\ndata:\n\n", .notJSON),
        ("data: {}\ndata: {\"result\":{\"tools\":[]}}\n\n", .notJSON),
        ("data: \u{FEFF}{}\n\n", .notJSON),
        ("data: {\"result\":{\"tools\":[{\"name\":\"h\"", .notJSON),
        ("data: {\"x\":\(String(repeating: "[", count: 129))\n\n", .tooDeep),
        ("data: [[{\"result\":{\"tools\":[]}}]]\n\n", .malformed),
        ("event: message \nevent: message\ndata: x\n\n", .notJSON),
    ])
    func `breaks off at what it cannot read for certain`(stream: String, violation: ToolListViolation) {
        let filtering = Filtering("data: 1\n\n" + stream + "data: 2\n\n")
        #expect(filtering.violation == (stream.hasSuffix("\n\n") ? violation : .notJSON))
        #expect(filtering.output.hasPrefix("data: 1\n\n"))
        #expect(!filtering.output.contains("{") && !filtering.output.contains("2"))
    }

    @Test func `an event may not be longer than said`() {
        let event = "data: \"" + String(repeating: "x", count: 91) + "\"\n\n"
        #expect(event.utf8.count == 101)
        #expect(Filtering(event, maximumEventLength: 101).output == event)
        #expect(Filtering(event, maximumEventLength: 100).violation == .eventTooLong)
        #expect(Filtering(event, cuts: Array(1...101), maximumEventLength: 100).violation == .eventTooLong)
        #expect(Filtering(event + event, maximumEventLength: 101).output == event + event)
    }

    @Test func `a violation stays and nothing goes on`() throws {
        var filter = ToolListStreamFilter(maximumEventLength: 1000)
        var output = ByteBuffer()
        let hidden = #"{"result":{"tools":[{"name":"h"}]}}"#
        for portion in ["data: {\"a\":\n\n", "data: \(hidden)\n\n", "data: }\n\n"] {
            var violation: ToolListViolation?
            do throws(ToolListViolation) {
                let octets = portion.octets
                try filter.filter(octets.span, into: &output, isVisible: FilteredBody.isVisible)
            } catch {
                violation = error
            }
            #expect(violation == .notJSON)
        }
        let isEmpty = output.isEmpty
        #expect(isEmpty)
    }

    @Test func `an event goes on with its last octet`() throws {
        var filter = ToolListStreamFilter(maximumEventLength: 1000)
        var output = ByteBuffer()
        for (portion, passed) in [
            ("id: 1\nda", 6), ("ta: {}\n", 6), ("\r", 16), ("\n", 17), (": ping\n", 24),
        ] {
            let octets = portion.octets
            try filter.filter(octets.span, into: &output, isVisible: FilteredBody.isVisible)
            let count = output.count
            #expect(count == passed)
        }
    }
}
