// The endpoint event of 2024-11-05 streams: what changes, and what does not.

import Bytes
import MCP
import Testing

private let maximumEventLength = 65_536

/// A rewriter that was given a whole stream in portions.
private struct Rewriting: Equatable {
    var output = ""
    var violation: EndpointViolation?
    var named: [String] = []
    var hasPassedEndpoint = false

    /// Rewrites `stream` in portions that end at `cuts`.
    init(_ stream: [UInt8], cuts: [Int] = [], place: String? = "/public?session_id=S") {
        var rewriter = EndpointRewriter(maximumEventLength: maximumEventLength)
        var buffer = ByteBuffer()
        var names: [String] = []
        let mapping: (borrowing Span<UInt8>) -> [UInt8]? = { data in
            names.append(String(lossy: data))
            return place?.octets
        }
        do throws(EndpointViolation) {
            var start = 0
            for end in cuts + [stream.count] {
                try rewriter.rewrite(stream.span.extracting(start..<end), into: &buffer, mapping: mapping)
                start = end
            }
            try rewriter.finish(into: &buffer, mapping: mapping)
        } catch {
            violation = error
        }
        output = String(lossy: buffer.span)
        named = names
        hasPassedEndpoint = rewriter.hasPassedEndpoint
    }

    init(_ stream: String, cuts: [Int] = [], place: String? = "/public?session_id=S") {
        self.init(stream.octets, cuts: cuts, place: place)
    }
}

@Suite struct EndpointRewriterTests {
    @Test(arguments: ["\n", "\r\n", "\r"])
    func `replaces the data of endpoint events and nothing else`(end: String) {
        let lines = [
            ": hello", "", "retry: 10", "", "event: message", "data: {}", "", "id: 1", "event: endpoint",
            "data: /messages?x=1", "", "event: endpoint", "data: /second", "", "data: /messages",
        ]
        var expected = lines
        expected[9] = "data: /public?session_id=S"
        expected[12] = "data: /public?session_id=S"
        let rewriting = Rewriting(lines.joined(separator: end))
        #expect(rewriting.output == expected.joined(separator: end))
        #expect(rewriting.named == ["/messages?x=1", "/second"])
        #expect(rewriting.violation == nil)
        #expect(rewriting.hasPassedEndpoint)
    }

    @Test(arguments: [
        "event: endpoint\ndata: /m?session_id=abc\n\ndata: {}\n\n",
        "event: endpoint\r\ndata: /m?session_id=abc\r\n\r\n: ping\r\n\r\n",
        "event: endpoint\rdata: /m\r\rdata: 1\r\r",
        "\u{FEFF}event:endpoint\r\ndata:/m\r\n\r\n",
        "\u{FEFF}data: /m\nevent: endpoint\n\n",
        "\u{FEFF}\n\u{FEFF}event: endpoint\ndata: x\n\n",
        "data: /m\n: in between\nid: 7\nevent: endpoint\nretry: 5\n\n",
        ": c\n\r\n\r\r\n\nevent: endpoint\r\ndata: a\rdata: b\ndata: c\r\n\r\n\n",
        "data: [\n\nevent: endpoint\n\ndata: x\n\nevent: endpoint\ndata: y",
    ])
    func `the output does not depend on how the stream is split`(stream: String) {
        let octets = stream.octets
        let whole = Rewriting(octets)
        #expect(whole.violation == nil)
        #expect(Rewriting(octets, cuts: Array(1..<octets.count)) == whole)
        for first in 0...octets.count {
            #expect(Rewriting(octets, cuts: [first]) == whole, "split at \(first)")
            for second in first...octets.count {
                #expect(Rewriting(octets, cuts: [first, second]) == whole, "split at \(first) and \(second)")
            }
        }
    }

    @Test(arguments: [
        // Data: what the mapping is asked for.
        ("data: /messages/?session_id=9f", "/messages/?session_id=9f"),
        ("data:/m", "/m"),
        ("data:  /m ", " /m "),
        ("data: https://other.example/m?a=b#c", "https://other.example/m?a=b#c"),
        ("data: //evil.example/m", "//evil.example/m"),
        ("data: /a\ndata: /b", "/a\n/b"),
        ("data\ndata: /b", "\n/b"),
        ("data", ""),
        ("data:", ""),
        ("data: \u{0}\u{1}", "\u{0}\u{1}"),
        ("data: /m\nDATA: /x\ndata : /y\n data: /z\ndatax: 1", "/m"),
        ("data: /天気", "/天気"),
    ])
    func `asks for the place of the data as clients read it`(data: String, name: String) {
        let rewriting = Rewriting("event: endpoint\n\(data)\n\n")
        #expect(rewriting.named == [name])
        #expect(rewriting.output.utf8.starts(with: "event: endpoint\ndata: /public?session_id=S\n".utf8))
        let refused = Rewriting("event: endpoint\n\(data)\n\n", place: nil)
        #expect(refused.violation == .endpointRefused)
        #expect(refused.output == "event: endpoint\n")
        #expect(!refused.hasPassedEndpoint)
    }

    @Test func `several lines of data become one`() {
        let rewriting = Rewriting("data: a\r\n: c\r\nevent: endpoint\r\ndata: b\rid: 1\ndata: c\r\n\r\n")
        #expect(
            rewriting.output == "data: /public?session_id=S\r\n: c\r\nevent: endpoint\r\n:\rid: 1\n:\r\n\r\n"
        )
    }

    @Test(arguments: [
        // A CR and an LF around a line of data must not become one line end, nor a mark the first of the stream.
        "data: a\nevent: endpoint\rdata: b\n\ndata: c\n\n",
        "data: a\n\u{FEFF}data: b\ndata: c\nevent: endpoint\n\n",
    ])
    func `lines stay apart`(stream: String) {
        let input = stream.octets
        let broken = EventStreamInvariants.broken(by: ([1] + input).span)
        #expect(broken == nil)
    }

    @Test(arguments: [
        "event: Endpoint\ndata: /m\n\n",
        "event: endpoint \ndata: /m\n\n",
        "event:  endpoint\ndata: /m\n\n",
        "Event: endpoint\ndata: /m\n\n",
        "event: endpoint\nevent: message\ndata: /m\n\n",
        "event: endpoint\nevent\ndata: /m\n\n",
        "event: endpoint\n\ndata: /m\n\n",
        "data: /m\n\nevent: endpoint\n\n",
        "data: event: endpoint\n\n",
        ":event: endpoint\ndata: /m\n\n",
        " event: endpoint\ndata: /m\n\n",
        "\n\u{FEFF}event: endpoint\ndata: /m\n\n",
    ])
    func `what is no endpoint event for clients is none here`(stream: String) {
        let rewriting = Rewriting(stream)
        #expect(rewriting.output == stream)
        #expect(rewriting.named == [])
        #expect(!rewriting.hasPassedEndpoint)
    }

    @Test(arguments: [
        "event: message\nevent: endpoint\ndata: /m", "event: endpoint\ndata: /m",
        "data: /m\nevent: endpoint\n",
    ])
    func `an endpoint event that the stream's end cuts off is rewritten for lenient clients`(stream: String) {
        let rewriting = Rewriting(stream)
        #expect(rewriting.named == ["/m"])
        #expect(!rewriting.output.contains("/m"))
        #expect(rewriting.output.contains("data: /public?session_id=S"))
    }

    @Test(arguments: ["data: half", "event: endp", ": comment", "data: {}\n", "id: 1\r\n\r"])
    func `other events that the stream's end cuts off go on`(stream: String) {
        #expect(Rewriting(stream).output == stream)
    }

    @Test(arguments: ["/a\nevent: message\ndata: {}\n", "/a\r", "/a b", "/天", "", "/a\u{0}"])
    func `a place that would break the stream is refused`(place: String) {
        let rewriting = Rewriting("event: endpoint\ndata: /m\n\n", place: place)
        #expect(rewriting.violation == .mappingInvalid)
        #expect(rewriting.output == "event: endpoint\n")
    }

    @Test func `a line or event without end is refused`() {
        let line = String(repeating: "x", count: maximumEventLength + 1)
        #expect(Rewriting(line).violation == .eventTooLong)
        #expect(Rewriting(":" + line).output == "")
        #expect(Rewriting("data:" + line, cuts: Array(1...line.utf8.count)).violation == .eventTooLong)
        let lines = String(repeating: "data: x\n", count: maximumEventLength / 8)
        #expect(Rewriting(lines).violation == nil)
        #expect(Rewriting(lines + "\n").violation == .eventTooLong)
        let comments = String(repeating: ": x\n", count: maximumEventLength)
        #expect(Rewriting(comments).output == comments)
    }

    @Test func `after the endpoint event, too`() {
        let stream = "event: endpoint\ndata: /m\n\ndata: " + String(repeating: "x", count: 1 << 20)
        #expect(Rewriting(stream).violation == .eventTooLong)
    }

    @Test func `comments and events without data are not held`() throws {
        var rewriter = EndpointRewriter(maximumEventLength: maximumEventLength)
        var output = ByteBuffer()
        let stream = ": ping\n\nid: 1\nretry: 5\n\nevent: endpoint\n".octets
        try rewriter.rewrite(stream.span, into: &output) { _ in nil }
        let passed = String(lossy: output.span)
        let held = rewriter.heldLength
        #expect(passed == String(lossy: stream.span))
        #expect(held == 0)
    }

    @Test func `a violation stays`() throws {
        var rewriter = EndpointRewriter(maximumEventLength: maximumEventLength)
        var output = ByteBuffer()
        let stream = "event: endpoint\ndata: /m\n\n".octets
        for _ in 0..<3 {
            var violation: EndpointViolation?
            do throws(EndpointViolation) {
                try rewriter.rewrite(stream.span, into: &output) { _ in nil }
            } catch {
                violation = error
            }
            #expect(violation == .endpointRefused)
        }
        let passed = String(lossy: output.span)
        #expect(passed == "event: endpoint\n")
    }
}
