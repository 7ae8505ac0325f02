// Attacks with more of something than there may be: each ends the connection with ENHANCE_YOUR_CALM, in time.

import Bytes
import HTTP
import HTTP2
import Testing

@Suite struct LimitTests {
    private static let calm: UInt32 = 11

    /// Sends `frame(1)`, `frame(2)`, … and tells after how many the connection failed, with its GOAWAY.
    private static func flood(
        _ side: Side,
        atMost: UInt32 = 5000,
        _ frame: (UInt32) -> [UInt8]
    ) -> (count: UInt32, limit: HTTP2Failure?, goAway: UInt32?) {
        for number in 1...atMost {
            side.receive(frame(number))
            guard side.failure == nil else {
                return (number, side.failure, side.frames().last { $0.type == 7 }?.code)
            }
            if number % 10 == 0 { _ = side.written() }
        }
        return (atMost, nil, nil)
    }

    private static func small() -> HTTP2Limits {
        var limits = HTTP2Limits()
        limits.resetStreams = 20
        limits.pingFrames = 20
        limits.settingsFrames = 20
        limits.emptyFrames = 20
        limits.priorityFrames = 20
        limits.windowUpdates = 20
        return limits
    }

    /// Expects that exactly `allowed` of the frames pass.
    private static func expect(
        _ limit: HTTP2Limit,
        after allowed: UInt32,
        on side: Side = .server(small()),
        _ frame: (UInt32) -> [UInt8]
    ) {
        let end = flood(side, frame)
        #expect(end.limit == .limit(limit))
        #expect(end.count == allowed + 1)
        #expect(end.goAway == calm)
        #expect(side.session.isOver)
    }

    // MARK: Resets

    @Test func `streams that are opened and reset at once end the connection`() {
        Self.expect(.resetStreams, after: 20) { number in
            Frames.headers(2 * number - 1, Frames.request(), ends: true) + Frames.reset(2 * number - 1)
        }
    }

    @Test func `resets of one stream again and again end the connection`() {
        let side = Side.server(Self.small())
        side.receive(Frames.headers(1, Frames.request(), ends: true))
        Self.expect(.resetStreams, after: 20, on: side) { _ in Frames.reset(1) }
    }

    /// What makes a server reset a stream that it has just opened.
    private static let provocations: [(String, @Sendable (UInt32) -> [UInt8])] = [
        ("a window that overflows", { Frames.windowUpdate($0, 0x7FFF_FFFF) }),
        ("more octets than the content-length", { Frames.data($0, [1, 2]) }),
        ("fewer octets than the content-length", { Frames.data($0, [], ends: true) }),
        ("trailers with a pseudo-header field", { Frames.headers($0, [(":path", "/")], ends: true) }),
        ("trailers that do not end the stream", { Frames.headers($0, [("a", "b")]) }),
        ("trailers with credentials", { Frames.headers($0, [("authorization", "Bearer x")], ends: true) }),
        ("trailers with an upper-case name", { Frames.headers($0, [("A", "b")], ends: true) }),
    ]

    @Test(arguments: provocations.map(\.0))
    func `streams that are opened and made to be reset end the connection`(name: String) throws {
        let provoke = try #require(Self.provocations.first { $0.0 == name }).1
        var limits = Self.small()
        limits.windowUpdates = 1000
        let side = Side.server(limits)
        Self.expect(.resetStreams, after: 20, on: side) { number in
            let id = 2 * number - 1
            return Frames.headers(id, Frames.request(and: [("content-length", "1")])) + provoke(id)
        }
        let happenings = side.take()
        let closed = happenings.filter { if case .closed(_, let code) = $0 { code != 0 } else { false } }
        #expect(closed.count >= 20)
    }

    @Test func `requests that are malformed end the connection`() {
        let side = Side.server(Self.small())
        Self.expect(.resetStreams, after: 20, on: side) { number in
            Frames.headers(2 * number - 1, [(":method", "GET")], ends: true)
        }
        #expect(side.take().count { $0 == .malformed(.malformedMessage) } == 21)
    }

    @Test func `a change of the initial window that overflows many streams counts each of them`() {
        var limits = Self.small()
        limits.windowUpdates = 1000
        let side = Side.server(limits)
        for number in 0..<30 as Range<UInt32> {
            side.receive(Frames.headers(2 * number + 1, Frames.request(), ends: true))
            side.receive(Frames.windowUpdate(2 * number + 1, 0x7FFF_FFFF - 65535))
            if number % 4 == 0 { _ = side.written() }
        }
        side.receive(Frames.settings([(4, 65536)]))
        #expect(side.failure == .limit(.resetStreams))
    }

    @Test func `streams beyond the limit are refused, and many of them end the connection`() {
        var limits = Self.small()
        limits.streams = 3
        let side = Side(.server, limits)
        // The client has not acknowledged the limit, so it may not know it yet.
        side.receive(Frames.preface + Frames.settings())
        _ = side.written()
        for id in [1, 3, 5, 7] as [UInt32] { side.receive(Frames.headers(id, Frames.request(), ends: true)) }
        #expect(side.take().count == 3)
        #expect(side.frames().contains { $0.type == 3 && $0.stream == 7 && $0.code == 7 })
        Self.expect(.resetStreams, after: 19, on: side) { number in
            Frames.headers(7 + 2 * number, Frames.request(), ends: true)
        }
    }

    @Test func `resets that the owner asked for are not the peer's`() {
        let side = Side.server(Self.small())
        for number in 0..<100 as Range<UInt32> {
            side.receive(Frames.headers(2 * number + 1, Frames.request()))
            side.session.reset(side.stream(Int32(2 * number + 1)), code: HTTP2ErrorCode.cancel)
            // What makes nghttp2 speak up by itself.
            side.receive(Frames.data(2 * number + 1, [1]))
            if number % 7 == 0 { _ = side.written() }
        }
        #expect(side.failure == nil)
        #expect(side.take().count { if case .closed = $0 { true } else { false } } >= 98)
    }

    @Test func `a server's resets of a client's own streams are no attack`() {
        let side = Side.client(Self.small())
        for number in 0..<100 as Range<Int32> {
            side.open(ends: false)
            _ = side.written()
            side.receive(Frames.reset(UInt32(2 * number + 1), 0))
        }
        #expect(side.failure == nil)
        #expect(side.take().count == 100)
    }

    @Test func `a server's resets of streams that are gone end the connection`() {
        let side = Side.client(Self.small())
        side.open()
        _ = side.written()
        side.receive(Frames.reset(1))
        Self.expect(.resetStreams, after: 20, on: side) { _ in Frames.reset(1) }
    }

    // MARK: Frames that are cheap to send

    @Test func `too many PING frames end the connection`() {
        Self.expect(.pingFrames, after: 20) { _ in Frames.ping() }
    }

    @Test func `too many SETTINGS frames end the connection`() {
        // The first came with the preface, and its acknowledgement counts too.
        Self.expect(.settingsFrames, after: 18) { _ in Frames.settings([(3, 5)]) }
    }

    @Test func `SETTINGS frames with many entries count more`() {
        let entries = (0..<32).map { _ in (UInt16(1), UInt32(4096)) }
        Self.expect(.settingsFrames, after: 4) { _ in Frames.settings(entries) }
    }

    @Test(arguments: [0, 0x8] as [UInt8])
    func `too many DATA frames without octets end the connection`(flags: UInt8) {
        let side = Side.server(Self.small())
        side.receive(Frames.headers(1, Frames.request()))
        Self.expect(.emptyFrames, after: 20, on: side) { _ in
            Frames.frame(0, flags: flags, stream: 1, flags == 0 ? [] : [3, 0, 0, 0])
        }
    }

    @Test func `too many header blocks in empty pieces end the connection`() {
        Self.expect(.emptyFrames, after: 10) { number in
            let id = 2 * number - 1
            return Frames.frame(1, flags: Frames.endStream, stream: id)
                + Frames.continuation(id, [], endsBlock: false)
                + Frames.continuation(id, Frames.block(Frames.request()), endsBlock: true)
        }
    }

    /// Frames that mean nothing here.
    private static let noise: [(String, @Sendable (UInt32) -> [UInt8])] = [
        ("PRIORITY", { Frames.priority(2 * $0 + 1, on: 0) }),
        ("PRIORITY_UPDATE", { _ in Frames.frame(0x10, Frames.word(1) + Array("u=1".utf8)) }),
        ("an unknown type", { _ in Frames.frame(0xEE, Array(repeating: 0, count: 100)) }),
        ("ALTSVC", { _ in Frames.frame(0xA, [0, 0]) }),
        ("ORIGIN", { _ in Frames.frame(0xC, []) }),
        ("GOAWAY", { _ in Frames.goAway(last: 0) }),
    ]

    @Test(arguments: noise.map(\.0))
    func `too many frames that mean nothing end the connection`(name: String) throws {
        let frame = try #require(Self.noise.first { $0.0 == name }).1
        Self.expect(.priorityFrames, after: 20, frame)
    }

    @Test func `too many window updates end the connection`() {
        Self.expect(.windowUpdates, after: 20) { _ in Frames.windowUpdate(0, 1) }
    }

    @Test func `window updates for DATA that was sent are no attack`() {
        let side = Side.server(Self.small())
        side.receive(Frames.headers(1, Frames.request("GET"), ends: true))
        side.respond(1, ends: false)
        for _ in 0..<200 {
            side.send(1, [1, 2, 3], ends: false)
            #expect(side.frames().contains { $0.type == 0 })
            side.receive(Frames.windowUpdate(0, 3) + Frames.windowUpdate(1, 3))
        }
        #expect(side.failure == nil)
    }

    @Test func `a new period begins after ten seconds`() {
        let side = Side.server(Self.small())
        for _ in 0..<5 {
            for _ in 0..<20 { side.receive(Frames.ping()) }
            _ = side.written()
            side.now += 10_000
        }
        side.receive(Frames.ping())
        side.now += 9_999
        for _ in 0..<19 { side.receive(Frames.ping()) }
        #expect(side.failure == nil)
        side.receive(Frames.ping())
        #expect(side.failure == .limit(.pingFrames))
    }

    // MARK: Header blocks

    @Test func `too many CONTINUATION frames end the connection`() {
        let side = Side.server()
        side.receive(Frames.headers(1, Frames.request(), endsBlock: false))
        Self.expect(.continuationFrames, after: 8, on: side) { _ in
            Frames.continuation(1, Frames.literal("a", "b"), endsBlock: false)
        }
    }

    @Test func `a header block too long on the wire ends the connection`() {
        let side = Side.server()
        side.receive(Frames.headers(1, Frames.request(), endsBlock: false))
        let piece = Frames.literal("a", String(repeating: "b", count: 16_000))
        Self.expect(.headerBytes, after: 4, on: side) { _ in
            Frames.continuation(1, piece, endsBlock: false)
        }
    }

    @Test func `a few octets that stand for a large field ends the connection soon`() {
        let side = Side.server()
        let value = String(repeating: "b", count: 3900)
        side.receive(
            Frames.frame(1, flags: 5, stream: 1, Frames.block(Frames.request()) + Frames.indexed("a", value))
        )
        #expect(side.take() == [.request(1, "POST /mcp? @mcp.example.com", endsStream: true)])
        let bomb = Frames.block(Frames.request()) + Array(repeating: 0x80 | 62, count: 10_000)
        side.receive(Frames.frame(1, flags: 5, stream: 3, bomb))
        #expect(side.failure == .limit(.headerBytes))
        #expect(side.frames().last?.code == Self.calm)
    }

    @Test func `a head that is somewhat too long is refused with 431 and the connection goes on`() {
        let side = Side.server()
        let more = (0..<10).map { ("field-\($0)", String(repeating: "b", count: 4000)) }
        let block = Frames.block(Frames.request(and: more))
        side.receive(
            Frames.frame(1, stream: 1, Array(block[..<16_000]))
                + Frames.continuation(1, Array(block[16_000..<32_000]), endsBlock: false)
                + Frames.continuation(1, Array(block[32_000...]), endsBlock: true)
                + Frames.headers(3, Frames.request(), ends: true)
        )
        #expect(
            side.take() == [
                .refused(1, .headTooLong), .request(3, "POST /mcp? @mcp.example.com", endsStream: true),
            ]
        )
        #expect(MessageViolation.headTooLong.status == 431)
    }

    @Test func `a head with too many fields is refused with 431`() {
        let side = Side.server()
        side.receive(Frames.headers(1, Frames.request(and: (0...100).map { ("f\($0)", "") }), ends: true))
        #expect(side.take() == [.refused(1, .tooManyFields)])
    }

    @Test func `a path that is too long is refused with 414`() {
        let side = Side.server()
        side.receive(
            Frames.headers(1, Frames.request(path: "/" + String(repeating: "a", count: 8200)), ends: true)
        )
        #expect(side.take() == [.refused(1, .startLineTooLong)])
    }

    @Test func `trailers that are too long reset the stream`() {
        let side = Side.server()
        side.receive(Frames.headers(1, Frames.request()))
        side.receive(Frames.headers(1, [("a", String(repeating: "b", count: 5000))], ends: true))
        _ = side.written()
        #expect(side.take().last == .closed(1, 1))
    }

    @Test func `a dynamic table larger than announced ends the connection`() {
        let side = Side.server()
        side.receive(Frames.frame(1, flags: 5, stream: 1, Frames.integer(4097, prefix: 5, first: 0x20)))
        guard case .protocolError = side.failure else { return #expect(Bool(false)) }
        #expect(side.frames().last?.code == 9)
    }

    @Test func `a dynamic table that is resized again and again costs little`() {
        let side = Side.server()
        let resize = [0x20] + Frames.integer(4096, prefix: 5, first: 0x20)
        let block = Array(repeating: resize, count: 3000).flatMap { $0 } + Frames.block(Frames.request())
        side.receive(Frames.frame(1, flags: 5, stream: 1, block))
        #expect(side.take() == [.request(1, "POST /mcp? @mcp.example.com", endsStream: true)])
    }
}
