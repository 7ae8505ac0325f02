// What owners of streams rely on: windows, bounds on what is written, resets, refusals, and the end of connections.

import Bytes
import HTTP
import HTTP2
import Testing

@Suite struct StreamTests {
    private static let head = Side.Happening.request(1, "POST /mcp? @mcp.example.com", endsStream: false)

    // MARK: Windows

    @Test func `windows open only when octets were consumed`() {
        let side = Side.server()
        side.consumes = false
        side.receive(Frames.headers(1, Frames.request()))
        for _ in 0..<3 { side.receive(Frames.data(1, Array(repeating: 0, count: 16_384))) }
        #expect(side.frames().isEmpty)
        side.session.consume(3 * 16_384, of: side.stream(1))
        let updates = side.frames()
        #expect(updates.map(\.type) == [8])
        #expect(updates.map(\.stream) == [1])
        #expect(updates.first?.payload == Frames.word(3 * 16_384))
    }

    @Test func `the connection's window opens by octets of streams that are gone`() {
        var limits = HTTP2Limits()
        limits.connectionWindow = 65_535
        let side = Side.server(limits)
        side.consumes = false
        side.receive(Frames.headers(1, Frames.request()))
        for _ in 0..<3 { side.receive(Frames.data(1, Array(repeating: 0, count: 16_384))) }
        side.receive(Frames.reset(1))
        #expect(side.take().last == .closed(1, 8))
        side.session.consumeOfClosed(3 * 16_384)
        #expect(side.frames().map(\.payload) == [Frames.word(3 * 16_384)])
    }

    @Test func `octets that come behind a reset of ours are not given out and do not use up the window`() {
        var limits = HTTP2Limits()
        limits.connectionWindow = 65_535
        let side = Side.server(limits)
        side.receive(Frames.headers(1, Frames.request()))
        side.session.reset(side.stream(1), code: HTTP2ErrorCode.cancel)
        for _ in 0..<40 { side.receive(Frames.data(1, Array(repeating: 0, count: 16_000))) }
        #expect(side.take() == [Self.head, .closed(1, 8)])
        #expect(side.failure == nil)
        #expect(side.frames().contains { $0.type == 8 && $0.stream == 0 })
    }

    @Test func `a client announces the largest window for the connection, a server the configured ones`() {
        let client = Side(.client)
        let frames = client.frames()
        #expect(frames.map(\.type) == [4, 8])
        #expect(frames.last?.payload == Frames.word(0x7FFF_FFFF - 65_535))
        #expect(Self.settings(frames) == [4: 65_536, 6: 32_768, 1: 4096, 2: 0])
        let server = Side(.server).frames()
        #expect(server.map(\.type) == [4, 8])
        #expect(server.last?.payload == Frames.word(1_048_576 - 65_535))
        #expect(Self.settings(server) == [4: 65_536, 6: 32_768, 1: 4096, 3: 100, 8: 0, 9: 1])
    }

    private static func settings(_ frames: [SentFrame]) -> [UInt16: UInt32] {
        let payload = frames.first?.payload ?? []
        return stride(from: 0, to: payload.count, by: 6).reduce(into: [:]) { entries, at in
            let value = payload[at + 2..<at + 6].reduce(0) { $0 << 8 | UInt32($1) }
            entries[UInt16(payload[at]) << 8 | UInt16(payload[at + 1])] = value
        }
    }

    @Test func `a peer that opens no window gets no more than it allows, and its octets stay where they are`()
    {
        let side = Side.server()
        side.receive(Frames.settings([(4, 10)]))
        side.receive(Frames.headers(1, Frames.request("GET"), ends: true))
        side.respond(1, ends: false)
        side.send(1, Array(repeating: 7, count: 25), ends: true)
        #expect(side.frames().filter { $0.type == 0 }.map(\.payload.count) == [10])
        #expect(side.stream(1).unsent == 15)
        #expect(!side.session.wantsToWrite)
        side.receive(Frames.windowUpdate(1, 100))
        #expect(side.session.wantsToWrite)
        let last = side.frames()
        #expect(last.map(\.payload.count) == [15])
        #expect(last.map(\.flags) == [Frames.endStream])
        #expect(side.take().last == .closed(1, 0))
    }

    // MARK: Writing

    @Test func `no more is written than was asked for, but for one frame`() {
        let side = Side.server()
        side.receive(Frames.windowUpdate(0, 1_000_000) + Frames.settings([(4, 1_000_000)]))
        side.receive(Frames.headers(1, Frames.request("GET"), ends: true))
        _ = side.written()
        side.respond(1, ends: false)
        side.send(1, Array(repeating: 7, count: 500_000), ends: true)
        var sizes: [Int] = []
        while side.session.wantsToWrite { sizes.append(side.written(upTo: 40_000).count) }
        #expect(sizes.count > 9)
        #expect(sizes.allSatisfy { $0 > 0 && $0 < 40_000 + 16_393 })
        #expect(side.take().last == .closed(1, 0))
    }

    @Test func `octets are appended behind what the output holds`() {
        let side = Side.server()
        side.receive(Frames.ping())
        var buffer = ByteBuffer()
        buffer.append("before")
        side.session.write(into: &buffer, upTo: 100)
        let octets = Array(copying: buffer.span)
        #expect(octets.starts(with: Array("before".utf8)))
        #expect(octets.count == 6 + 17)
    }

    @Test func `streams take turns, whatever the client says of their priority`() {
        let server = Side.server()
        let client = Side.client(HTTP2Limits(), [(9, 1)])
        for id in [1, 3] as [Int32] {
            let fields = Frames.request("GET", and: [("priority", "u=\(id)")])
            server.receive(Frames.headers(UInt32(id), fields, ends: true))
            server.respond(id, ends: false)
            client.open(ends: false)
        }
        for side in [server, client] {
            side.send(1, Array(repeating: 7, count: 30_000), ends: true)
            side.send(3, Array(repeating: 7, count: 30_000), ends: true)
            let order = side.frames().filter { $0.type == 0 }.map(\.stream)
            #expect(order == [1, 3, 1, 3])
        }
    }

    @Test func `streams that progressed are named once`() {
        let side = Side.server()
        for id in [1, 3, 5] as [Int32] {
            side.receive(Frames.headers(UInt32(id), Frames.request("GET"), ends: true))
            side.respond(id, ends: false)
        }
        side.send(1, Array(repeating: 7, count: 40_000), ends: false)
        side.send(5, [1], ends: false)
        _ = side.written()
        var progressed: [Int32] = []
        side.session.takeProgressed { progressed.append($0.id) }
        #expect(progressed.sorted() == [1, 5])
        side.session.takeProgressed { progressed.append($0.id) }
        #expect(progressed.count == 2)
    }

    @Test func `an idle stream holds no octets and no memory for them`() {
        let side = Side.server()
        side.receive(Frames.headers(1, Frames.request("GET"), ends: true))
        side.respond(1, ends: false)
        side.send(1, [1, 2, 3], ends: false)
        let before = side.stream(1).output.capacity
        #expect(before > 0)
        _ = side.written()
        let after = side.stream(1).output.capacity
        #expect(after == 0)
    }

    @Test func `an end without octets follows the octets that were sent before`() {
        let side = Side.server()
        side.receive(Frames.headers(1, Frames.request("GET"), ends: true))
        side.respond(1, ends: false)
        side.send(1, [1], ends: false)
        #expect(side.frames().map(\.flags) == [Frames.endHeaders, 0])
        side.session.finish(side.stream(1))
        let last = side.frames()
        #expect(last == [SentFrame(type: 0, flags: Frames.endStream, stream: 1, payload: [])])
        #expect(side.take().last == .closed(1, 0))
    }

    @Test func `provisional responses come before the final one`() {
        let side = Side.server()
        side.receive(Frames.headers(1, Frames.request()))
        let block = Side.block([(":status", "100")])
        side.session.respondProvisionally(on: side.stream(1), fields: block)
        side.respond(1)
        #expect(side.frames().map(\.flags) == [Frames.endHeaders, Frames.endHeaders | Frames.endStream])
    }

    // MARK: Resets

    @Test func `a stream that the peer resets is closed once, and its output is not sent`() {
        let side = Side.server()
        side.receive(Frames.headers(1, Frames.request()))
        side.respond(1, ends: false)
        side.send(1, [1], ends: false)
        side.receive(Frames.reset(1) + Frames.reset(1))
        #expect(side.take() == [Self.head, .closed(1, 8)])
        #expect(!side.frames().contains { $0.type == 0 })
        let stream = side.stream(1)
        side.session.finish(stream)
        side.session.reset(stream, code: 8)
        side.respond(1)
        side.session.consume(1, of: stream)
        #expect(side.frames().isEmpty && side.take().isEmpty)
    }

    @Test func `an early answer ends a request that is still coming`() {
        let side = Side.server()
        side.receive(Frames.headers(1, Frames.request()))
        side.respond(1, 413)
        _ = side.written()
        side.session.reset(side.stream(1), code: HTTP2ErrorCode.noError)
        #expect(side.frames().map(\.code) == [0])
        #expect(side.take() == [Self.head, .closed(1, 0)])
    }

    @Test func `a request that was reset before it was written is never sent`() {
        let side = Side.client()
        side.open(ends: false)
        side.session.reset(side.stream(1), code: HTTP2ErrorCode.cancel)
        #expect(!side.frames().contains { $0.type == 1 })
        #expect(side.take() == [.closed(1, 8)])
        #expect(side.session.openStreams == 0)
    }

    @Test(arguments: [(7, true), (8, false), (2, false)] as [(UInt32, Bool)])
    func `a refused stream is told from one that may have been processed`(_ code: UInt32, _ isRefused: Bool) {
        let side = Side.client()
        side.open(ends: false)
        _ = side.written()
        side.receive(Frames.reset(1, code))
        #expect(side.take() == [.closed(1, code)])
        #expect(side.stream(1).isRefused == isRefused)
    }

    // MARK: The end of connections

    @Test func `streams above the last one of a GOAWAY were not processed`() {
        let side = Side.client()
        for _ in 0..<3 { side.open(ends: false) }
        _ = side.written()
        side.open(ends: false)
        side.receive(Frames.goAway(last: 3))
        #expect(side.take() == [.goAway, .closed(5, 7)])
        #expect(!side.session.canOpenStream)
        let opened = side.open()
        #expect(opened == nil)
        #expect(!side.frames().contains { $0.type == 1 })
        let last = side.take()
        #expect(last.count == 1)
        #expect([1, 3, 5, 7].map { side.stream($0).isRefused } == [false, false, true, true])
        side.receive(Frames.headers(1, [(":status", "200")], ends: true))
        #expect(side.take() == [.response(1, 200, endsStream: true)])
    }

    @Test func `a client opens as many streams as both sides allow`() {
        let side = Side.client(HTTP2Limits(), [(3, 2)])
        #expect(side.open() != nil && side.open() != nil)
        #expect(!side.session.canOpenStream)
        let third = side.open()
        #expect(third == nil)
        _ = side.written()
        side.receive(Frames.headers(1, [(":status", "200")], ends: true))
        #expect(side.session.canOpenStream)
        var limits = HTTP2Limits()
        limits.streams = 1
        let other = Side.client(limits)
        other.open()
        #expect(!other.session.canOpenStream)
    }

    @Test func `a server that goes away serves what it has taken`() {
        let side = Side.server()
        side.receive(Frames.headers(1, Frames.request("GET"), ends: true))
        side.session.announceShutdown()
        #expect(side.frames().first?.payload.prefix(4) == Frames.word(0x7FFF_FFFF)[...])
        side.receive(Frames.headers(3, Frames.request("GET"), ends: true))
        side.session.shutDown()
        #expect(side.frames().first?.payload == Frames.word(3) + Frames.word(0))
        side.receive(Frames.headers(5, Frames.request("GET"), ends: true))
        #expect(side.take().count == 2)
        side.respond(1)
        side.respond(3)
        #expect(!side.session.isOver)
        _ = side.written()
        #expect(side.take() == [.closed(1, 0), .closed(3, 0)])
        #expect(side.session.isOver)
    }

    @Test func `a connection that is ended sends nothing but GOAWAY`() {
        let side = Side.server()
        side.receive(Frames.headers(1, Frames.request("GET"), ends: true))
        side.respond(1, ends: false)
        _ = side.written()
        side.send(1, [1], ends: false)
        side.session.terminate(.limit(.resetStreams))
        let frames = side.frames()
        #expect(frames.last?.type == 7 && frames.last?.code == 11)
        #expect(side.session.isOver && !side.session.wantsToWrite)
    }

    @Test func `secrets do not enter the table of the peer`() {
        let side = Side.client()
        let secrets = [("authorization", "Bearer secret"), ("mcp-session-id", "secret")]
        var sizes: [Int] = []
        for _ in 0..<2 {
            side.open(Frames.request("GET", and: secrets + [("x-plain", "value")]))
            let frame = side.frames().first
            sizes.append(frame?.payload.count ?? 0)
            // Never indexed (RFC 7541 §6.2.3): 0001 and the index of the name.
            #expect(frame?.payload.contains { $0 == 0x1F || $0 == 0x10 } == true)
        }
        #expect(sizes[1] < sizes[0])
        #expect(sizes[1] > 20)
    }
}
