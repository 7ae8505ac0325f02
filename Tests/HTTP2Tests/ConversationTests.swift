// Long random conversations of a client and a server of ours: all bodies arrive, whatever the pieces and the pace.

import Bytes
import HTTP
import HTTP2
import Testing

/// Both sides of a connection, with owners that read slowly and give up now and then.
private struct Conversation {
    /// What one stream is to carry, and what arrived.
    private struct Exchange {
        var request: [UInt8]
        var response: [UInt8]
        var requestCame: [UInt8] = []
        var responseCame: [UInt8] = []
        var hasServed = false
        var wasReset = false
        var closings = 0
    }

    private var random: SplitMix
    private let client: HTTP2Session
    private let server: HTTP2Session
    private var exchanges: [Int32: Exchange] = [:]
    private var serverStreams: [Int32: HTTP2Stream] = [:]
    private var unread: [(session: HTTP2Session, stream: HTTP2Stream, count: Int)] = []
    private(set) var problems: [String] = []

    init(seed: UInt64) {
        random = SplitMix(seed: seed)
        var limits = HTTP2Limits()
        limits.streams = 8
        limits.streamWindow = 20_000
        limits.connectionWindow = 70_000
        limits.windowUpdates = 1_000_000
        client = HTTP2Session(role: .client, limits: limits)
        server = HTTP2Session(role: .server, limits: limits)
    }

    var opened: Int { exchanges.count }
    var completed: Int { exchanges.values.count { !$0.wasReset } }

    mutating func run(steps: Int) {
        for _ in 0..<steps {
            if random.next() % 4 == 0 { open() }
            exchangeOctets(mark: Int(random.next() % 9000) + 1)
            if random.next() % 3 == 0 { readSome(all: false) }
            if random.next() % 40 == 0 { giveUp() }
        }
        var rounds = 0
        while client.openStreams + server.openStreams > 0, rounds < 20_000 {
            exchangeOctets(mark: 50_000)
            readSome(all: true)
            rounds += 1
        }
        check()
    }

    private mutating func octets(_ most: UInt64) -> [UInt8] {
        let start = Int(random.next() % 200)
        return (0..<Int(random.next() % most)).map { UInt8(truncatingIfNeeded: $0 &* 7 &+ start) }
    }

    private mutating func open() {
        let body = octets(random.next() % 3 == 0 ? 30_000 : 300)
        let block = Side.block(Frames.request())
        guard let stream = client.request(block, endsStream: body.isEmpty) else { return }
        exchanges[stream.id] = Exchange(request: body, response: octets(30_000))
        guard !body.isEmpty else { return }
        stream.output.append(body.span)
        client.finish(stream)
    }

    private mutating func exchangeOctets(mark: Int) {
        for (from, to) in [(client, server), (server, client)] {
            var buffer = ByteBuffer()
            from.write(into: &buffer, upTo: mark)
            from.takeProgressed { _ in }
            if buffer.count > mark + 17_000 { problems.append("more than the mark") }
            let piece = Array(copying: buffer.span)
            receive(piece, at: to)
            receive([], at: from)
        }
    }

    private mutating func receive(_ piece: [UInt8], at session: HTTP2Session) {
        var offset = 0
        do throws(HTTP2Failure) {
            while let event = try session.next(piece.span, at: &offset, now: 0) {
                note(event, piece, at: session)
            }
        } catch {
            problems.append("\(error)")
        }
    }

    private mutating func note(_ event: HTTP2Event, _ piece: [UInt8], at session: HTTP2Session) {
        switch event {
        case .request(let stream, let endsStream):
            serverStreams[stream.id] = stream
            if endsStream { serve(stream) }
        case .response(let stream, let endsStream):
            if endsStream, exchanges[stream.id]?.response.isEmpty != true { problems.append("an early end") }
        case .data(let stream, let range):
            let octets = piece[range.start..<range.end]
            if session === server {
                exchanges[stream.id]?.requestCame += octets
            } else {
                exchanges[stream.id]?.responseCame += octets
            }
            unread.append((session, stream, range.count))
        case .end(let stream):
            if session === server { serve(stream) }
        case .closed(let stream, _):
            if session === server { serverStreams[stream.id] = nil }
            exchanges[stream.id]?.closings += 1
        case .refusedRequest, .refusedResponse, .malformed, .goAway: problems.append("\(event)")
        }
    }

    private mutating func serve(_ stream: HTTP2Stream) {
        guard let body = exchanges[stream.id]?.response else { return }
        exchanges[stream.id]?.hasServed = true
        let block = Side.block([(":status", "200")])
        server.respond(on: stream, fields: block, endsStream: body.isEmpty)
        guard !body.isEmpty else { return }
        stream.output.append(body.span)
        server.finish(stream)
    }

    private mutating func readSome(all: Bool) {
        let count = all ? unread.count : Int(random.next() % 20)
        for (session, stream, octets) in unread.prefix(count) { session.consume(octets, of: stream) }
        unread.removeFirst(min(count, unread.count))
    }

    private mutating func giveUp() {
        guard let (id, stream) = serverStreams.min(by: { $0.key < $1.key }) else { return }
        exchanges[id]?.wasReset = true
        server.reset(stream, code: HTTP2ErrorCode.cancel)
    }

    private mutating func check() {
        for (id, exchange) in exchanges.sorted(by: { $0.key < $1.key }) {
            // A reset may reach the client before the server was given the stream.
            if exchange.closings != 2 { problems.append("stream \(id) closed \(exchange.closings) times") }
            guard !exchange.wasReset else { continue }
            if !exchange.hasServed { problems.append("stream \(id) was not served") }
            if exchange.requestCame != exchange.request { problems.append("request body of \(id)") }
            if exchange.responseCame != exchange.response { problems.append("response body of \(id)") }
        }
        if client.openStreams + server.openStreams > 0 { problems.append("streams are left") }
    }
}

@Suite struct ConversationTests {
    @Test(arguments: 0..<4 as Range<UInt64>)
    func `all bodies arrive and all streams end`(_ seed: UInt64) {
        var conversation = Conversation(seed: seed)
        conversation.run(steps: 250)
        #expect(conversation.problems.isEmpty, "\(conversation.problems.prefix(5))")
        #expect(conversation.completed > 10)
        #expect(conversation.opened > conversation.completed)
    }
}
