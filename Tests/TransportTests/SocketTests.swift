// What a connection must survive: partial writes, half-close, resets, peers that are gone.

import Bytes
import Glibc
import Testing
import Transport

@Suite struct SocketTests {
    /// Eight megabytes, more than the kernel holds, in a pattern that shows shifts.
    private static let octets = Array(
        repeatElement(Array(0...250 as ClosedRange<UInt8>), count: 32_000).joined()
    )
    private static let families = ["127.0.0.1:0", "[::1]:0", "unix:"]

    private static func address(_ family: String, _ name: String) -> String {
        family == "unix:" ? family + temporaryPath(name) : family
    }

    @Test(arguments: families)
    func `carries bytes both ways`(family: String) throws {
        let pair = try ConnectedSockets(Self.address(family, "both-ways"))
        let sent = [pair.client.send("ping".utf8Span.span), pair.server.send("pong!".utf8Span.span)]
        #expect(sent == [.bytes(4), .bytes(5)])
        let received = [pair.server.receive(4).octets, pair.client.receive(5).octets]
        #expect(received == [Array("ping".utf8), Array("pong!".utf8)])
        var buffer = ByteBuffer()
        let nothing = pair.client.receive(into: &buffer, room: 10)
        #expect(nothing == .wouldBlock)
    }

    @Test(arguments: families)
    func `a full kernel takes a part and then nothing, and loses no byte`(family: String) throws {
        let pair = try ConnectedSockets(Self.address(family, "partial"))
        let octets = Self.octets
        var (sent, wasPartial, wasFull) = (0, false, false)
        var received: [UInt8] = []
        while sent < octets.count {
            switch pair.client.send(octets.span.extracting(sent...)) {
            case .bytes(let count):
                if count < octets.count - sent { wasPartial = true }
                sent += count
            case .wouldBlock:
                wasFull = true
                received += pair.server.receive(65536).octets
                _ = isReady(pair.client.descriptor, POLLOUT, within: 10)
            case .failed(let error):
                Issue.record("\(error)")
                return
            }
        }
        received += pair.server.receive(octets.count - received.count).octets
        #expect(wasPartial && wasFull)
        #expect(received == octets)
    }

    @Test(arguments: families)
    func `half-close ends one direction only`(family: String) throws {
        let pair = try ConnectedSockets(Self.address(family, "half-close"))
        _ = pair.client.send("last words".utf8Span.span)
        pair.client.shutDownSending()
        let request = pair.server.receive(100)
        #expect(request.octets == Array("last words".utf8))
        #expect(request.last == .end)
        let answer = pair.server.send("answer".utf8Span.span)
        #expect(answer == .bytes(6))
        let received = pair.client.receive(6).octets
        #expect(received == Array("answer".utf8))
    }

    @Test func `hang-up together with unread data is reported, and the data is still there`() throws {
        var poller = try Poller()
        let pair = try ConnectedSockets("127.0.0.1:0")
        try poller.watchEdges(pair.server.descriptor, token: .max)
        _ = poller.wait(milliseconds: 100)
        _ = pair.client.send("bye".utf8Span.span)
        pair.client.shutDownSending()
        _ = isReady(pair.server.descriptor, hangUp)
        let count = poller.wait(milliseconds: 5_000)
        let event = poller.event(at: 0)
        #expect(count == 1)
        #expect(event.token == .max)
        #expect(event.isReadable && event.isHangUp)
        let received = pair.server.receive(100)
        #expect(received.octets == Array("bye".utf8))
        #expect(received.last == .end)
        let again = poller.wait(milliseconds: 0)
        #expect(again == 0)
    }

    @Test func `a reset is a failure and no end`() throws {
        let pair = try ConnectedSockets("127.0.0.1:0")
        pair.server.resetOnClose()
        let descriptor = pair.client.descriptor
        let last = Self.closeServer(pair) { client in
            _ = isReady(descriptor, POLLIN)
            return client.receive(1).last
        }
        #expect(last == .failed(SystemError("recv", ECONNRESET)))
    }

    @Test func `a peer that is gone is an error and no signal`() async {
        await #expect(processExitsWith: .success) {
            let pair = try ConnectedSockets("127.0.0.1:0")
            var failure: SendResult?
            SocketTests.closeServer(pair) { client in
                for _ in 0..<100 where failure == nil {
                    let result = client.send("x".utf8Span.span)
                    if case .failed = result { failure = result }
                    usleep(1_000)
                }
            }
            let isExpected =
                failure == .failed(SystemError("send", EPIPE))
                || failure == .failed(SystemError("send", ECONNRESET))
            #expect(isExpected)
        }
    }

    @Test func `a connection that nobody takes is refused with its reason`() throws {
        let free = try listening(on: "127.0.0.1:0").socket.address
        let socket: Socket
        do throws(SystemError) {
            socket = try Socket.connect(to: free)
        } catch {
            #expect(error.code == ECONNREFUSED)
            return
        }
        #expect(isReady(socket.descriptor, POLLOUT))
        let error = socket.takeError()
        #expect(error?.code == ECONNREFUSED)
        let cleared = socket.takeError()
        #expect(cleared == nil)
    }

    @Test func `knows its peer and what was acknowledged`() throws {
        let pair = try ConnectedSockets("127.0.0.1:0")
        let peer = pair.server.peer
        #expect(peer?.host == "127.0.0.1")
        let before = pair.client.acknowledgedBytes ?? -1
        _ = pair.client.send("12345".utf8Span.span)
        _ = pair.server.receive(5)
        var after = before
        for _ in 0..<500 where after == before {
            usleep(1_000)
            after = pair.client.acknowledgedBytes ?? -1
        }
        #expect(after - before == 5)
    }

    /// Closes the server's end, then calls `body` with the client's.
    private static func closeServer<Result>(
        _ pair: consuming ConnectedSockets,
        _ body: (borrowing Socket) throws -> Result
    ) rethrows -> Result {
        let client = pair.letGoOfServer()
        return try body(client)
    }
}

extension ConnectedSockets {
    /// Closes the server's end and keeps the client's.
    consuming func letGoOfServer() -> Socket { client }
}
