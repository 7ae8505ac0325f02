// One side of a connection as tests use it: what happened, as plain values.

import Bytes
import HTTP
import HTTP2

/// A session with its input and output, and the events that came out of it.
final class Side {
    /// An event without streams or ranges, which `#expect` can take.
    enum Happening: Equatable {
        case request(Int32, String, endsStream: Bool)
        case refused(Int32, MessageViolation)
        case response(Int32, Int, endsStream: Bool)
        case refusedResponse(Int32, MessageViolation)
        case data(Int32, [UInt8])
        case end(Int32)
        case closed(Int32, UInt32)
        case malformed(MessageViolation)
        case goAway
    }

    let session: HTTP2Session
    private(set) var happenings: [Happening] = []
    private(set) var failure: HTTP2Failure?
    private(set) var streams: [Int32: HTTP2Stream] = [:]
    /// Of the last request and response, each field as `name: value`.
    private(set) var fields: [String] = []
    private(set) var framing = BodyFraming.none
    private(set) var expectsContinue = false
    var now = 1_000_000
    /// Whether body octets are consumed as soon as they come.
    var consumes = true

    private var request = RequestHead()
    private var response = ResponseHead()

    init(_ role: HTTP2Role, _ limits: HTTP2Limits = HTTP2Limits()) {
        session = HTTP2Session(role: role, limits: limits)
    }

    /// A server that has got preface and SETTINGS, and whose own were acknowledged.
    static func server(_ limits: HTTP2Limits = HTTP2Limits()) -> Side {
        let side = Side(.server, limits)
        _ = side.written()
        side.receive(Frames.preface + Frames.settings() + Frames.settingsAcknowledgement)
        _ = side.written()
        return side
    }

    /// A client that has got the server's SETTINGS, and whose own were acknowledged.
    static func client(_ limits: HTTP2Limits = HTTP2Limits(), _ settings: [(UInt16, UInt32)] = []) -> Side {
        let side = Side(.client, limits)
        _ = side.written()
        side.receive(Frames.settings(settings) + Frames.settingsAcknowledgement)
        _ = side.written()
        return side
    }

    /// Reads `octets` in pieces of at most `step`.
    func receive(_ octets: [UInt8], step: Int = .max) {
        var start = 0
        repeat {
            let end = start + min(step, octets.count - start)
            receivePiece(Array(octets[start..<end]))
            start = end
        } while start < octets.count && failure == nil
    }

    private func receivePiece(_ piece: [UInt8]) {
        var offset = 0
        do throws(HTTP2Failure) {
            while let event = try session.next(piece.span, at: &offset, now: now) {
                note(event, piece)
            }
        } catch {
            failure = error
        }
    }

    /// What the session writes.
    func written(upTo mark: Int = .max) -> [UInt8] {
        var buffer = ByteBuffer()
        session.write(into: &buffer, upTo: mark)
        return Array(copying: buffer.span)
    }

    /// The frames that the session writes, its end included if there was a failure.
    func frames() -> [SentFrame] {
        if let failure { session.terminate(failure) }
        return SentFrame.all(in: written())
    }

    /// What happened since the last call.
    func take() -> [Happening] {
        receive([])
        defer { happenings = [] }
        return happenings
    }

    /// The stream, which was given out.
    func stream(_ id: Int32) -> HTTP2Stream {
        guard let stream = streams[id] else { fatalError("there is no stream \(id)") }
        return stream
    }

    /// Opens a stream; the body follows if `ends` is false.
    @discardableResult
    func open(_ fields: [(String, String)] = Frames.request(), ends: Bool = true) -> HTTP2Stream? {
        let block = Self.block(fields)
        guard let stream = session.request(block, endsStream: ends) else { return nil }
        streams[stream.id] = stream
        return stream
    }

    func respond(_ id: Int32, _ status: Int = 200, _ fields: [(String, String)] = [], ends: Bool = true) {
        let block = Self.block([(":status", "\(status)")] + fields)
        session.respond(on: stream(id), fields: block, endsStream: ends)
    }

    func send(_ id: Int32, _ octets: [UInt8], ends: Bool) {
        stream(id).output.append(octets.span)
        if ends { session.finish(stream(id)) } else { session.resume(stream(id)) }
    }

    static func block(_ fields: [(String, String)]) -> FieldBlock {
        var block = FieldBlock()
        for (name, value) in fields {
            let name = name.octets
            let value = value.octets
            block.appendField(name.span, value.span)
        }
        return block
    }

    private func note(_ event: HTTP2Event, _ piece: [UInt8]) {
        switch event {
        case .request(let stream, let endsStream):
            streams[stream.id] = stream
            session.takeRequest(into: &request)
            let target = "\(request.text(request.target.path))?\(request.text(request.target.query))"
            let line = "\(request.text(request.methodRange)) \(target) @\(request.text(request.authority))"
            fields = request.fields.lines.map { line in
                "\(request.text(line.nameRange)): \(request.text(line.valueRange))"
            }
            framing = request.framing
            expectsContinue = request.expectsContinue
            happenings.append(.request(stream.id, line, endsStream: endsStream))
        case .refusedRequest(let stream, let violation):
            streams[stream.id] = stream
            session.takeRequest(into: &request)
            happenings.append(.refused(stream.id, violation))
        case .response(let stream, let endsStream):
            session.takeResponse(into: &response)
            let octets = Array(copying: response.bytes.span)
            fields = response.fields.lines.map { line in
                [line.nameRange, line.valueRange]
                    .map { String(decoding: octets[$0.start..<$0.end], as: UTF8.self) }
                    .joined(separator: ": ")
            }
            framing = response.framing
            happenings.append(.response(stream.id, response.status, endsStream: endsStream))
        case .refusedResponse(let stream, let violation):
            happenings.append(.refusedResponse(stream.id, violation))
        case .data(let stream, let range):
            happenings.append(.data(stream.id, Array(piece[range.start..<range.end])))
            if consumes { session.consume(range.count, of: stream) }
        case .end(let stream): happenings.append(.end(stream.id))
        case .closed(let stream, let code): happenings.append(.closed(stream.id, code))
        case .malformed(let violation): happenings.append(.malformed(violation))
        case .goAway: happenings.append(.goAway)
        }
    }
}
