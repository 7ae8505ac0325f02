// A server and a client of ours, back to back: requests, responses, bodies, windows, and the end of connections.

import Bytes
import HTTP
import HTTP2
import Testing

@Suite struct ExchangeTests {
    /// Carries octets between both sides until neither has more to say.
    private static func settle(_ client: Side, _ server: Side) {
        while true {
            let there = client.written()
            let back = server.written()
            server.receive(there)
            client.receive(back)
            guard !there.isEmpty || !back.isEmpty else { return }
        }
    }

    private static func pair(_ limits: HTTP2Limits = HTTP2Limits()) -> (client: Side, server: Side) {
        let pair = (Side(.client, limits), Side(.server, limits))
        settle(pair.0, pair.1)
        return pair
    }

    @Test func `a request without a body is answered with a body`() {
        let (client, server) = Self.pair()
        client.open(Frames.request("GET", path: "/files/a?x=1", and: [("Accept", "text/event-stream")]))
        Self.settle(client, server)
        #expect(
            server.take() == [.request(1, "GET /files/a?x=1 @mcp.example.com", endsStream: true)]
        )
        #expect(server.fields == ["accept: text/event-stream"])
        #expect(server.framing == .none)
        server.respond(1, 200, [("content-length", "5")], ends: false)
        server.send(1, Array("hello".utf8), ends: true)
        Self.settle(client, server)
        #expect(
            client.take() == [
                .response(1, 200, endsStream: false), .data(1, Array("hello".utf8)), .end(1), .closed(1, 0),
            ]
        )
        #expect(client.framing == .length(5))
        #expect(server.take() == [.closed(1, 0)])
        #expect(client.session.openStreams == 0 && server.session.openStreams == 0)
    }

    @Test func `bodies larger than the windows go both ways as they are consumed`() {
        let (client, server) = Self.pair()
        let body = (0..<300_000).map { UInt8(truncatingIfNeeded: $0 &* 31 >> 3) }
        client.open(Frames.request(), ends: false)
        client.send(1, body, ends: true)
        Self.settle(client, server)
        let up = server.take()
        #expect(up.first == .request(1, "POST /mcp? @mcp.example.com", endsStream: false))
        #expect(server.framing == .chunked)
        #expect(Self.octets(up) == body)
        #expect(up.last == .end(1))
        server.respond(1, ends: false)
        server.send(1, body, ends: true)
        Self.settle(client, server)
        let down = client.take()
        #expect(down.first == .response(1, 200, endsStream: false))
        #expect(client.framing == .untilClose)
        #expect(Self.octets(down) == body)
        #expect(down.suffix(2) == [.end(1), .closed(1, 0)])
    }

    private static func octets(_ happenings: [Side.Happening]) -> [UInt8] {
        happenings.flatMap { happening -> [UInt8] in
            if case .data(_, let octets) = happening { octets } else { [] }
        }
    }
}
