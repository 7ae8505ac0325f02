// What holds for the bytes of every connection: the fuzz targets of the parsers and of the chunk decoder.

import Bytes
import HTTP
import HTTP1

/// The invariants of `RequestParser` and of the encoder.
enum RequestInvariants {
    /// The invariant that `input` breaks, nil if none.
    static func broken(by input: Span<UInt8>) -> String? {
        guard let whole = readSplit(input, .requests) else { return "requests depend on how they arrive" }
        // The last message may lack the end of its body.
        let complete = whole.violation == nil ? whole.messages : whole.messages.dropLast()
        for message in complete {
            guard let encoding = message.encoding else { continue }
            let again = MessageReader.read(encoding.span, .requests) { .max }
            let isSame = again.messages.count == 1 && again.messages.first?.body == message.body
            guard isSame, again.violation == nil, again.messages.first?.encoding == encoding,
                withoutTarget(again.messages.first) == withoutTarget(message)
            else { return "a request means something else when it is sent on" }
        }
        return nil
    }

    /// The fields of a message, and the end of its summary from the host on.
    private static func withoutTarget(_ message: ReadMessage?) -> [Substring] {
        guard let message else { return [] }
        return message.summary.split(separator: " ").dropFirst(2) + message.fields.map { $0[...] }
    }
}

/// The invariants of `ResponseParser`.
enum ResponseInvariants {
    /// The invariant that `input` breaks, nil if none.
    static func broken(by input: Span<UInt8>) -> String? {
        for method in [HTTP.Method.post, .head] where readSplit(input, .responses(to: method)) == nil {
            return "responses depend on how they arrive"
        }
        return nil
    }
}

/// The invariants of the chunked coding.
enum ChunkInvariants {
    /// The invariant that `input` breaks, nil if none.
    static func broken(by input: Span<UInt8>) -> String? {
        guard let whole = decode(input, nextLength: { .max }) else {
            return "a decoder that wants more has octets left"
        }
        var random = SplitMix(seed: UInt64(input.count))
        let octets = decode(input) { 1 }
        let pieces = decode(input) { Int(random.next() % 16) + 1 }
        guard octets == whole, pieces == whole else { return "a body depends on how it arrives" }
        guard let body = whole.body else { return nil }
        var buffer = ByteBuffer()
        buffer.appendBody(body.span, framing: .chunked)
        buffer.appendBodyEnd(framing: .chunked)
        let again = decode(buffer.span) { .max }
        return again?.body == body && again?.consumed == buffer.count
            ? nil : "a body changes when it is sent on"
    }

    private struct Decoded: Equatable {
        var body: [UInt8]?
        var consumed = 0
        var violation: MessageViolation?
    }

    private static func decode(_ input: Span<UInt8>, nextLength: () -> Int) -> Decoded? {
        var decoder = BodyDecoder(framing: .chunked, limits: MessageLimits())
        var body: [UInt8] = []
        var start = 0
        while start < input.count {
            let end = start + min(nextLength(), input.count - start)
            let piece = input.extracting(start..<end)
            var offset = 0
            do throws(MessageViolation) {
                reading: while true {
                    switch try decoder.next(piece, at: &offset) {
                    case .data(let range): body += Array(copying: piece.extracting(range))
                    case .more: break reading
                    case .end: return Decoded(body: body, consumed: start + offset)
                    }
                }
            } catch {
                return Decoded(violation: error)
            }
            guard offset == piece.count else { return nil }
            start = end
        }
        return Decoded(consumed: start)
    }
}

/// Reads `input` whole, octet by octet and in random pieces; nil if that makes a difference.
private func readSplit(_ input: Span<UInt8>, _ side: MessageReader.Side) -> Reading? {
    let whole = MessageReader.read(input, side) { .max }
    guard MessageReader.read(input, side, nextLength: { 1 }) == whole else { return nil }
    var random = SplitMix(seed: UInt64(input.count))
    let pieces = MessageReader.read(input, side) { Int(random.next() % 64) + 1 }
    return pieces == whole ? whole : nil
}
