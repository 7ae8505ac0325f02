// Heads, bodies and trailers that break RFC 9113 §8 or audgate's own rules, one row each.

import HTTP
import HTTP2
import Testing

/// A head and what becomes of it.
struct HeadCase: Sendable, CustomTestStringConvertible {
    let testDescription: String
    let fields: [(String, String)]
    let violation: MessageViolation
    /// Whether the stream is reset, where otherwise it is answered.
    let isReset: Bool

    init(
        _ description: String,
        _ fields: [(String, String)],
        _ violation: MessageViolation,
        isReset: Bool = false
    ) {
        testDescription = description
        self.fields = fields
        self.violation = violation
        self.isReset = isReset
    }

    /// A case that RFC 9113 calls malformed.
    static func malformed(
        _ description: String,
        _ fields: [(String, String)],
        _ violation: MessageViolation = .malformedMessage
    ) -> HeadCase {
        HeadCase(description, fields, violation, isReset: true)
    }
}

@Suite struct MessageRuleTests {
    private static let good = Frames.request("GET")

    private static func without(_ name: String) -> [(String, String)] { good.filter { $0.0 != name } }

    private static let requests: [HeadCase] = [
        // Pseudo-header fields (RFC 9113 §8.3.1)
        .malformed("no :method", without(":method")),
        .malformed("no :scheme", without(":scheme")),
        .malformed("no :path", without(":path")),
        .malformed("no host at all", without(":authority")),
        .malformed("no fields", [("a", "b")]),
        .malformed("two :method", good + [(":method", "GET")]),
        .malformed("two :path", good + [(":path", "/other")]),
        .malformed("two :scheme", good + [(":scheme", "http")]),
        .malformed("two :authority", good + [(":authority", "mcp.example.com")]),
        .malformed("a pseudo-header field behind a field", [("a", "b")] + good),
        .malformed("an unknown pseudo-header field", [(":unknown", "x")] + good),
        .malformed("a response's pseudo-header field", [(":status", "200")] + good),
        .malformed(":protocol without leave", [(":protocol", "websocket")] + good),
        .malformed("an upper-case pseudo-header field", [(":Method", "GET")] + without(":method")),
        .malformed("an empty pseudo-header name", [(":", "x")] + good),
        .malformed("a method that is no token", Frames.request("GE T")),
        .malformed("a line end in the path", Frames.request("GET", path: "/a\r\nx: y")),
        .malformed("a space in the path", Frames.request("GET", path: "/a b")),
        .malformed("an empty path", Frames.request("GET", path: "")),
        .malformed("an asterisk without OPTIONS", Frames.request("GET", path: "*")),
        .malformed("a path without a slash", Frames.request("GET", path: "mcp")),
        .malformed("CONNECT with a path", Frames.request("CONNECT")),
        .malformed("two Host fields", good + [("host", "mcp.example.com"), ("host", "mcp.example.com")]),
        .malformed("an empty authority", Frames.request("GET", authority: "")),
        .malformed("an authority with a space", Frames.request("GET", authority: "a b")),
        // Fields (§8.2)
        .malformed("an upper-case name", good + [("Accept", "*/*")]),
        .malformed("an empty name", good + [("", "x")], .invalidFieldName),
        .malformed("a name with a space", good + [("a b", "x")], .invalidFieldName),
        .malformed("a name with a colon", good + [("a:", "x")], .invalidFieldName),
        .malformed("a value with a line end", good + [("a", "b\r\nx: y")], .invalidFieldValue),
        .malformed("a value with NUL", good + [("a", "b\0c")], .invalidFieldValue),
        .malformed("a value with a blank before", good + [("a", " b")], .invalidFieldValue),
        .malformed("a value with a blank behind", good + [("a", "b\t")], .invalidFieldValue),
        .malformed("Connection", good + [("connection", "close")]),
        .malformed("Keep-Alive", good + [("keep-alive", "timeout=5")]),
        .malformed("Proxy-Connection", good + [("proxy-connection", "close")]),
        .malformed("Transfer-Encoding", good + [("transfer-encoding", "chunked")]),
        .malformed("Upgrade", good + [("upgrade", "h2c")]),
        .malformed("TE other than trailers", good + [("te", "gzip")]),
        .malformed("a length that is no number", good + [("content-length", "1x")]),
        .malformed("a negative length", good + [("content-length", "-1")]),
        .malformed("two lengths", good + [("content-length", "0"), ("content-length", "0")]),
        .malformed("a length without a body", good + [("content-length", "1")]),
        // audgate's own rules
        HeadCase("HTTP2-Settings", good + [("http2-settings", "AAMAAABk")], .connectionSpecificField),
        HeadCase("a scheme of its own", [(":scheme", "ftp")] + without(":scheme"), .invalidTarget),
        HeadCase("an upper-case scheme", [(":scheme", "HTTPS")] + without(":scheme"), .invalidTarget),
        HeadCase("CONNECT", [(":method", "CONNECT"), (":authority", "a:443")], .invalidTarget),
        HeadCase(
            "an asterisk without OPTIONS",
            Frames.request("GET", path: "*"),
            .malformedMessage,
            isReset: true
        ),
        HeadCase("dot segments", Frames.request("GET", path: "/a/../b"), .ambiguousPath),
        HeadCase("an encoded slash", Frames.request("GET", path: "/a%2fb"), .ambiguousPath),
        HeadCase("a double slash", Frames.request("GET", path: "//a"), .ambiguousPath),
        HeadCase("a fragment", Frames.request("GET", path: "/a#b"), .invalidTarget),
        HeadCase("octets above 0x7E in the path", Frames.request("GET", path: "/ä"), .invalidTarget),
        HeadCase("userinfo", Frames.request("GET", authority: "a@mcp.example.com"), .invalidHost),
        HeadCase("a port out of range", Frames.request("GET", authority: "a:65536"), .invalidHost),
        HeadCase("Host is another", good + [("host", "other.example.com")], .hostMismatch),
        HeadCase("Host in another case", good + [("host", "MCP.example.com")], .hostMismatch),
        HeadCase("Host is invalid", without(":authority") + [("host", "a:")], .invalidHost),
        HeadCase("a length with leading zeros", good + [("content-length", "00")], .invalidContentLength),
        HeadCase("an expectation", good + [("expect", "payment")], .unsupportedExpectation),
        HeadCase(
            "a method that is too long",
            Frames.request(String(repeating: "A", count: 33)),
            .malformedRequestLine
        ),
    ]

    @Test(arguments: requests)
    func `refuses a request`(_ test: HeadCase) {
        let side = Side.server()
        side.receive(Frames.headers(1, test.fields, ends: true) + Frames.headers(3, Self.good, ends: true))
        let next = Side.Happening.request(3, "GET /mcp? @mcp.example.com", endsStream: true)
        let refusal: Side.Happening = test.isReset ? .malformed(test.violation) : .refused(1, test.violation)
        #expect(side.take() == [refusal, next])
        let reset = side.frames().first { $0.type == 3 }
        #expect(reset?.code == (test.isReset ? 1 : nil))
    }

    @Test func `takes Host in place of the authority, or beside it`() {
        let side = Side.server()
        let host = [("host", "mcp.example.com")]
        side.receive(Frames.headers(1, Self.without(":authority") + host, ends: true))
        side.receive(Frames.headers(3, Self.good + host, ends: true))
        #expect(side.take().count { if case .request = $0 { true } else { false } } == 2)
        #expect(side.fields == ["host: mcp.example.com"])
    }

    @Test func `takes what is unusual and right`() {
        let side = Side.server()
        let more = [
            ("te", "trailers"), ("content-length", "7"), ("expect", "100-continue"), ("cookie", "a=1"),
            ("cookie", "b=2"), ("empty", ""), ("accept", "ä"),
        ]
        side.receive(Frames.headers(1, Frames.request("OPTIONS", path: "*", and: more)))
        #expect(side.take() == [.request(1, "OPTIONS ? @mcp.example.com", endsStream: false)])
        #expect(side.framing == .length(7))
        #expect(side.expectsContinue)
        #expect(side.fields == more.map { "\($0): \($1)" })
    }

    @Test func `trailers are checked and dropped`() {
        let side = Side.server()
        side.receive(Frames.headers(1, Frames.request()) + Frames.data(1, [1]))
        side.receive(Frames.headers(1, [("checksum", "x")], ends: true))
        #expect(
            side.take() == [
                .request(1, "POST /mcp? @mcp.example.com", endsStream: false), .data(1, [1]), .end(1),
            ]
        )
    }

    @Test(arguments: [
        [(":path", "/")], [("content-length", "1")], [("host", "a")], [("authorization", "x")],
        [("transfer-encoding", "chunked")], [("Upper", "x")], [("te", "gzip")],
    ])
    func `trailers that may not stand there reset the stream`(_ trailers: [(String, String)]) {
        let side = Side.server()
        side.receive(Frames.headers(1, Frames.request()) + Frames.data(1, [1]))
        side.receive(Frames.headers(1, trailers, ends: true))
        _ = side.written()
        let happenings = side.take()
        #expect(happenings.last == .closed(1, 1))
        #expect(!happenings.contains(.end(1)))
        #expect(side.failure == nil)
    }

    @Test(arguments: [([1, 2, 3], true), ([1, 2], true), ([1, 2, 3, 4, 5], false)] as [([UInt8], Bool)])
    func `a body must have its length`(_ octets: [UInt8], ends: Bool) {
        let side = Side.server()
        side.receive(Frames.headers(1, Frames.request(and: [("content-length", "4")])))
        side.receive(Frames.data(1, octets, ends: ends))
        _ = side.written()
        let happenings = side.take()
        #expect(happenings.last == .closed(1, 1))
        #expect(!happenings.contains(.end(1)))
    }

    private static let responses: [HeadCase] = [
        .malformed("no :status", [("a", "b")]),
        .malformed("two :status", [(":status", "200"), (":status", "200")]),
        .malformed("a status of two digits", [(":status", "20")]),
        .malformed("a request's pseudo-header field", [(":status", "200"), (":path", "/")]),
        .malformed("101", [(":status", "101")]),
        .malformed("Connection", [(":status", "200"), ("connection", "close")]),
        .malformed("two lengths", [(":status", "200"), ("content-length", "1"), ("content-length", "1")]),
        .malformed("a value with a line end", [(":status", "200"), ("a", "b\r\nc: d")]),
        .malformed("204 with a length", [(":status", "204"), ("content-length", "1")]),
        HeadCase("a status of 600", [(":status", "600")], .malformedStatusLine),
        HeadCase("a status of 000", [(":status", "000")], .malformedStatusLine),
        HeadCase(
            "a length with leading zeros",
            [(":status", "200"), ("content-length", "01")],
            .invalidContentLength
        ),
    ]

    @Test(arguments: responses)
    func `refuses a response`(_ test: HeadCase) {
        let side = Side.client()
        side.open()
        side.open()
        _ = side.written()
        side.receive(Frames.headers(1, test.fields) + Frames.headers(3, [(":status", "200")], ends: true))
        #expect(side.frames().contains { $0.type == 3 && $0.stream == 1 && $0.code == 1 })
        let happenings = side.take()
        #expect(happenings.contains(.closed(1, 1)))
        #expect(happenings.contains(.response(3, 200, endsStream: true)))
        if !test.isReset { #expect(happenings.first == .refusedResponse(1, test.violation)) }
        #expect(side.failure == nil)
    }

    @Test func `a response without a body may declare the length of another`() {
        let side = Side.client()
        side.open(Frames.request("HEAD"))
        side.open()
        _ = side.written()
        side.receive(Frames.headers(1, [(":status", "200"), ("content-length", "7")]))
        #expect(side.framing == .none)
        side.receive(Frames.data(1, [], ends: true))
        side.receive(Frames.headers(3, [(":status", "304"), ("content-length", "7")], ends: true))
        #expect(side.framing == .none)
        #expect(
            side.take() == [
                .response(1, 200, endsStream: false), .end(1), .closed(1, 0),
                .response(3, 304, endsStream: true), .closed(3, 0),
            ]
        )
    }

    @Test func `informational responses come before the final one`() {
        let side = Side.client()
        side.open()
        _ = side.written()
        side.receive(
            Frames.headers(1, [(":status", "100")]) + Frames.headers(1, [(":status", "103"), ("a", "b")])
        )
        side.receive(Frames.headers(1, [(":status", "200")]) + Frames.data(1, [1]))
        side.receive(Frames.headers(1, [("checksum", "x")], ends: true))
        #expect(
            side.take() == [
                .response(1, 100, endsStream: false), .response(1, 103, endsStream: false),
                .response(1, 200, endsStream: false), .data(1, [1]), .end(1), .closed(1, 0),
            ]
        )
    }
}
