// What holds for the octets of every HTTP/2 connection: the fuzz target `http2`.

import Bytes
import HTTP
import HTTP2

/// The invariants of `HTTP2Session`, in both roles.
///
/// The first octet of an input chooses the role and whether the connection has begun well; the others are the peer's.
enum HTTP2Invariants {
    /// The invariant that `input` breaks, nil if none.
    static func broken(by input: Span<UInt8>) -> String? {
        guard let choice = input.count > 0 ? input[0] : nil else { return nil }
        var octets = choice & 2 == 0 ? opening(isServer: choice & 1 == 0) : []
        octets += Array(copying: input).dropFirst()
        let whole = play(choice, octets) { .max }
        if let broken = whole.broken { return broken }
        var random = SplitMix(seed: UInt64(octets.count))
        guard play(choice, octets, nextLength: { 1 }).story == whole.story,
            play(choice, octets, nextLength: { Int(random.next() % 40) + 1 }).story == whole.story
        else { return "events depend on how the octets arrive" }
        return nil
    }

    /// What a peer sends first.
    static func opening(isServer: Bool) -> [UInt8] {
        let settings: [UInt8] = [0, 0, 0, 4, 0, 0, 0, 0, 0, 0, 0, 0, 4, 1, 0, 0, 0, 0]
        return isServer ? Array("\(HTTP2Preface.octets)".utf8) + settings : settings
    }

    private static func play(_ choice: UInt8, _ octets: [UInt8], nextLength: () -> Int) -> ObservedConnection
    {
        var connection = ObservedConnection(role: choice & 1 == 0 ? .server : .client)
        var start = 0
        while start < octets.count, connection.failure == nil {
            let end = start + min(nextLength(), octets.count - start)
            connection.receive(octets.span.extracting(start..<end))
            start = end
        }
        connection.conclude(received: octets.count)
        return connection
    }
}

/// A connection whose owner answers what comes, and what happened on it.
private struct ObservedConnection {
    /// What happened to one stream.
    private struct StreamStory: Equatable {
        var heads: [String] = []
        var body: [UInt8] = []
        var hasEnded = false
        var closedWith: UInt32?
    }

    private(set) var failure: HTTP2Failure?
    private(set) var broken: String?
    private let session: HTTP2Session
    private var streams: [Int32: StreamStory] = [:]
    private var others: [String] = []

    init(role: HTTP2Role) {
        var limits = HTTP2Limits()
        limits.streams = 10
        limits.messages.headerBytes = 4096
        session = HTTP2Session(role: role, limits: limits)
        if role == .client { sendRequests() }
        write(atMost: 1000)
    }

    /// Requests of a client: one whose body goes on, and two without.
    private mutating func sendRequests() {
        for (method, ends) in [("POST", false), ("HEAD", true), ("GET", true)] {
            var block = FieldBlock()
            block.appendField(":method", method)
            block.appendField(":scheme", "https")
            block.appendField(":authority", "mcp.example.com")
            block.appendField(":path", "/mcp")
            guard let stream = session.request(block, endsStream: ends) else { continue }
            stream.output.append("body")
            streams[stream.id] = StreamStory()
        }
    }

    /// What happened, without the bodies of streams that did not end well: how much of these is given out depends on
    /// how it comes.
    var story: [String] {
        streams.sorted { $0.key < $1.key }.map { id, stream in
            "\(id) \(stream.heads) \(stream.hasEnded ? stream.body : []) \(stream.hasEnded) "
                + "\(stream.closedWith.map { "\($0)" } ?? "open")"
        } + others + [failure.map { "\($0)" } ?? "goes on"]
    }

    mutating func receive(_ input: borrowing Span<UInt8>) {
        var offset = 0
        do throws(HTTP2Failure) {
            while let event = try session.next(input, at: &offset, now: 0) { note(event, input) }
            if offset != input.count { broken = "input is left over" }
        } catch {
            failure = error
        }
        if session.openStreams > 10 { broken = "more streams than there may be" }
    }

    /// Ends the connection, if it did not end by itself.
    mutating func conclude(received: Int) {
        write(atMost: 1000 + 50 * received)
        receive([UInt8]().span)
        if let failure {
            session.terminate(failure)
            write(atMost: 100)
            if !session.isOver { broken = "a connection goes on that has failed" }
        }
    }

    private mutating func write(atMost bound: Int) {
        var output = ByteBuffer()
        session.write(into: &output, upTo: .max)
        session.takeProgressed { _ in }
        if output.count > bound { broken = "more is sent than belongs to what came" }
    }

    private mutating func note(_ event: HTTP2Event, _ input: borrowing Span<UInt8>) {
        switch event {
        case .request(let stream, let endsStream):
            var head = RequestHead()
            session.takeRequest(into: &head)
            noteHead("\(head.text(head.methodRange)) \(endsStream)", head.fields, head.bytes.span, of: stream)
            if head.bytes.span.extracting(head.authority).isEmpty { broken = "a request without a host" }
            if !Authority.isValid(head.bytes.span.extracting(head.authority)) { broken = "an invalid host" }
            if endsStream { noteEnd(of: stream) }
            answer(stream)
        case .refusedRequest(let stream, let violation):
            noteHead("\(violation)", FieldTable(), [UInt8]().span, of: stream)
            answer(stream)
        case .response(let stream, let endsStream):
            var head = ResponseHead()
            session.takeResponse(into: &head)
            noteHead("\(head.status) \(endsStream)", head.fields, head.bytes.span, of: stream)
            if endsStream { noteEnd(of: stream) }
        case .refusedResponse(let stream, let violation):
            noteHead("\(violation)", FieldTable(), [UInt8]().span, of: stream)
        case .data(let stream, let range):
            if range.isEmpty || range.end > input.count { broken = "octets that are not in the input" }
            let isOpen = streams[stream.id].map { !$0.hasEnded && $0.closedWith == nil && !$0.heads.isEmpty }
            if isOpen != true { broken = "octets where no body is" }
            streams[stream.id]?.body += Array(copying: input.extracting(range))
            session.consume(range.count, of: stream)
        case .end(let stream): noteEnd(of: stream)
        case .closed(let stream, let code):
            if streams[stream.id] == nil || streams[stream.id]?.closedWith != nil {
                broken = "a stream is closed that is not open"
            }
            streams[stream.id]?.closedWith = code
        case .malformed(let violation): others.append("\(violation)")
        case .goAway: others.append("GOAWAY")
        }
    }

    private mutating func noteHead(
        _ text: String,
        _ fields: FieldTable,
        _ bytes: borrowing Span<UInt8>,
        of stream: HTTP2Stream
    ) {
        let isAfterEnd = streams[stream.id].map { $0.hasEnded || $0.closedWith != nil } ?? false
        if isAfterEnd { broken = "a head behind the end" }
        for line in fields.lines where !ASCII.isFieldValue(bytes.extracting(line.valueRange)) {
            broken = "a field that is not one"
        }
        let names = fields.lines.map { String(lossy: bytes.extracting($0.nameRange)) }
        for name in names
        where name.isEmpty || name.contains(where: { $0 == ":" || $0.isUppercase || $0 < "!" }) {
            broken = "a name that is not one"
        }
        streams[stream.id, default: StreamStory()].heads.append("\(text) \(names)")
    }

    private mutating func noteEnd(of stream: HTTP2Stream) {
        if streams[stream.id]?.hasEnded != false { broken = "a second end" }
        streams[stream.id]?.hasEnded = true
    }

    /// Answers with a body, without one, or with a reset, by the stream's number.
    private func answer(_ stream: HTTP2Stream) {
        guard stream.id % 8 != 7 else { return session.reset(stream, code: HTTP2ErrorCode.cancel) }
        var block = FieldBlock()
        block.appendField(":status", "200")
        session.respond(on: stream, fields: block, endsStream: stream.id % 8 == 5)
        stream.output.append("a body of some octets")
        session.finish(stream)
    }
}
