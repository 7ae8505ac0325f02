// Frames that break the rules of RFC 9113 §3 to §6: each ends the connection with GOAWAY, and nothing traps.

import HTTP
import HTTP2
import Testing

/// Frames behind an open request on stream 1, and the code of the GOAWAY that answers them.
struct FrameCase: Sendable, CustomTestStringConvertible {
    let testDescription: String
    let frames: [UInt8]
    let code: UInt32

    init(_ description: String, _ frames: [UInt8], _ code: UInt32) {
        testDescription = description
        self.frames = frames
        self.code = code
    }
}

@Suite struct FrameRuleTests {
    private static let request = Frames.request()
    private static let half = Frames.data(1, [], ends: true)

    private static let cases: [FrameCase] = [
        FrameCase("an oversized frame", Frames.frame(0, stream: 1, [], length: 16385), 6),
        FrameCase(
            "an oversized padded frame",
            Frames.frame(0, flags: 8, stream: 1, [1], length: 1 << 24 - 1),
            6
        ),
        FrameCase("an oversized frame of an unknown type", Frames.frame(0xEE, [], length: 16385), 6),
        FrameCase("padding as long as the frame", Frames.frame(0, flags: 8, stream: 1, [3, 0, 0]), 1),
        FrameCase("padding without its length", Frames.frame(0, flags: 8, stream: 1), 1),
        FrameCase("a PING of seven octets", Frames.frame(6, Array(repeating: 0, count: 7)), 6),
        FrameCase("a PING on a stream", Frames.frame(6, stream: 1, Array(repeating: 0, count: 8)), 1),
        FrameCase("SETTINGS of five octets", Frames.frame(4, Array(repeating: 0, count: 5)), 6),
        FrameCase("SETTINGS on a stream", Frames.frame(4, stream: 1), 1),
        FrameCase("an acknowledgement with entries", Frames.frame(4, flags: 1, [0, 1, 0, 0, 0, 0]), 6),
        FrameCase("an acknowledgement of nothing", Frames.settingsAcknowledgement, 1),
        FrameCase("an initial window too large", Frames.settings([(4, 0x8000_0000)]), 3),
        FrameCase("a frame size too small", Frames.settings([(5, 16383)]), 1),
        FrameCase("a frame size too large", Frames.settings([(5, 1 << 24)]), 1),
        FrameCase("ENABLE_PUSH of 2", Frames.settings([(2, 2)]), 1),
        FrameCase("RST_STREAM of three octets", Frames.frame(3, stream: 1, [0, 0, 0]), 6),
        FrameCase("RST_STREAM on no stream", Frames.reset(0), 1),
        FrameCase("RST_STREAM on a stream that never was", Frames.reset(9), 1),
        FrameCase("GOAWAY of seven octets", Frames.frame(7, Array(repeating: 0, count: 7)), 6),
        FrameCase("GOAWAY on a stream", Frames.frame(7, stream: 1, Array(repeating: 0, count: 8)), 1),
        FrameCase("WINDOW_UPDATE of three octets", Frames.frame(8, [0, 0, 1]), 6),
        FrameCase("WINDOW_UPDATE of 0 on the connection", Frames.windowUpdate(0, 0), 1),
        FrameCase("WINDOW_UPDATE of 0 on a stream", Frames.windowUpdate(1, 0), 1),
        FrameCase("a connection's window that overflows", Frames.windowUpdate(0, 0x7FFF_FFFF), 3),
        FrameCase("WINDOW_UPDATE on a stream that never was", Frames.windowUpdate(9, 1), 1),
        FrameCase("PRIORITY of four octets", Frames.frame(2, stream: 1, Frames.word(0)), 6),
        FrameCase(
            "PUSH_PROMISE",
            Frames.frame(5, flags: 4, stream: 1, Frames.word(2) + Frames.block(request)),
            1
        ),
        FrameCase("DATA on no stream", Frames.data(0, [1]), 1),
        FrameCase("DATA on a stream that never was", Frames.data(9, [1]), 1),
        FrameCase("DATA behind the end of the stream", half + Frames.data(1, [1]), 5),
        FrameCase(
            "HEADERS behind the end of the stream",
            half + Frames.headers(1, [("a", "b")], ends: true),
            5
        ),
        FrameCase("HEADERS on no stream", Frames.headers(0, request), 1),
        FrameCase("HEADERS on a server's stream", Frames.headers(2, request), 1),
        FrameCase(
            "a stream that depends on itself",
            Frames.frame(1, flags: 0x24, stream: 3, Frames.word(3) + [0] + Frames.block(request)),
            1
        ),
        FrameCase("CONTINUATION without HEADERS", Frames.continuation(1, [], endsBlock: true), 1),
        FrameCase(
            "CONTINUATION of another stream",
            Frames.headers(3, request, endsBlock: false) + Frames.continuation(5, [0], endsBlock: true),
            1
        ),
        FrameCase(
            "DATA within a header block",
            Frames.headers(3, request, endsBlock: false) + Frames.data(1, [1]),
            1
        ),
        FrameCase(
            "a PING within a header block",
            Frames.headers(3, request, endsBlock: false) + Frames.ping(),
            1
        ),
        FrameCase(
            "HEADERS within a header block",
            Frames.headers(3, request, endsBlock: false) + Frames.headers(5, request),
            1
        ),
        FrameCase("an index into nothing", Frames.frame(1, flags: 5, stream: 3, [0x80 | 70]), 9),
        FrameCase("an index of 0", Frames.frame(1, flags: 5, stream: 3, [0x80]), 9),
        FrameCase(
            "an integer without end",
            Frames.frame(1, flags: 5, stream: 3, [0xFF] + Array(repeating: 0xFF, count: 12)),
            9
        ),
        FrameCase("a field that is cut off", Frames.frame(1, flags: 5, stream: 3, [0, 5, 0x61]), 9),
        FrameCase(
            "bad Huffman code",
            Frames.frame(1, flags: 5, stream: 3, [0, 0x84, 255, 255, 255, 255, 0]),
            9
        ),
        FrameCase(
            "a table size behind a field",
            Frames.frame(1, flags: 5, stream: 3, Frames.literal("a", "b") + [0x20]),
            9
        ),
    ]

    @Test(arguments: cases)
    func `ends the connection`(_ test: FrameCase) {
        let side = Side.server()
        side.receive(Frames.headers(1, Self.request))
        side.receive(test.frames)
        guard case .protocolError(let reason) = side.failure else {
            Issue.record("\(String(describing: side.failure))")
            return
        }
        #expect(!reason.isEmpty)
        #expect(side.frames().last?.code == test.code)
        #expect(side.session.isOver)
        // Again and again, whatever comes.
        side.receive(Frames.ping())
        #expect(side.failure == .protocolError(reason))
        #expect(side.written().isEmpty)
    }

    /// A client may not know yet that a stream is gone (RFC 9113 §5.1), so nghttp2 drops these.
    @Test(arguments: [
        Frames.headers(3, Frames.request(), ends: true), Frames.data(3, [1]), Frames.windowUpdate(3, 1),
        Frames.reset(3), Frames.priority(0, on: 1),
    ])
    func `frames of earlier streams do nothing`(_ frames: [UInt8]) {
        let side = Side.server()
        side.receive(Frames.headers(5, Frames.request(), ends: true))
        side.receive(frames)
        #expect(side.take() == [.request(5, "POST /mcp? @mcp.example.com", endsStream: true)])
        #expect(side.failure == nil)
        #expect(side.frames().isEmpty)
    }

    @Test(arguments: [
        Array("GET / HTTP/1.1\r\nHost: a\r\n\r\n".utf8), Array("PRI * HTTP/2.0\r\n\r\nXX\r\n\r\n".utf8),
        Frames.preface + Frames.ping(), Frames.preface + Frames.headers(1, Frames.request()),
        Frames.preface + Frames.settingsAcknowledgement,
    ])
    func `a connection begins with the preface and SETTINGS`(_ octets: [UInt8]) {
        let side = Side(.server)
        side.receive(octets)
        guard case .protocolError = side.failure else { return #expect(Bool(false)) }
        #expect(side.frames().last?.type == 7)
    }

    @Test func `a body beyond the stream's window resets the stream or ends the connection`() {
        var limits = HTTP2Limits()
        limits.streamWindow = 20_000
        let side = Side.server(limits)
        side.consumes = false
        side.receive(Frames.headers(1, Self.request))
        side.receive(Frames.data(1, Array(repeating: 0, count: 16_384)))
        #expect(side.failure == nil)
        side.receive(Frames.data(1, Array(repeating: 0, count: 16_384)))
        #expect(side.frames().contains { $0.code == 3 })
    }

    @Test func `bodies beyond the connection's window end the connection`() {
        var limits = HTTP2Limits()
        limits.connectionWindow = 70_000
        let side = Side.server(limits)
        side.consumes = false
        for id in [1, 3] as [UInt32] {
            side.receive(Frames.headers(id, Self.request))
            for _ in 0..<3 { side.receive(Frames.data(id, Array(repeating: 0, count: 16_384))) }
        }
        guard case .protocolError = side.failure else { return #expect(Bool(false)) }
        #expect(side.frames().last?.code == 3)
    }

    @Test(arguments: [
        Frames.frame(5, flags: 4, stream: 1, Frames.word(2) + Frames.block(Frames.request())),
        Frames.headers(2, Frames.request()), Frames.headers(9, [(":status", "200")]),
        Frames.data(9, [1]), Frames.settings([(2, 1)]),
    ])
    func `a server that breaks the rules ends the connection`(_ frames: [UInt8]) {
        let side = Side.client()
        side.open()
        _ = side.written()
        side.receive(frames)
        guard case .protocolError = side.failure else { return #expect(Bool(false)) }
        #expect(side.frames().last?.code == 1)
    }

    @Test func `the preface is told from other openings`() {
        for length in 0..<Frames.preface.count {
            let start = Array(Frames.preface[..<length])
            let match = HTTP2Preface.match(start.span)
            #expect(match == .prefix)
            let other = start + [0]
            let mismatch = HTTP2Preface.match(other.span)
            #expect(mismatch == .differs)
        }
        let whole = Frames.preface + [0]
        let match = HTTP2Preface.match(whole.span)
        #expect(match == .matches)
    }
}
