// Limits to the octet, and what the encoder writes.

import Bytes
import HTTP
import HTTP1
import Testing

@Suite struct LimitTests {
    @Test func `a head may be as long as the limit and no longer`() {
        let start = "GET / HTTP/1.1\r\nHost: a\r\nX: "
        for extra in [0, 1] {
            let filler = String(repeating: "y", count: 1024 - start.utf8.count - 4 + extra)
            let text = start + filler + "\r\n\r\n"
            let limits = MessageLimits(headerBytes: 1024)
            let whole = MessageReader.read(text.utf8Span.span, .requests, limits: limits) { .max }
            #expect(whole.violation == (extra == 0 ? nil : .headTooLong))
            #expect(whole == MessageReader.read(text.utf8Span.span, .requests, limits: limits) { 1 })
        }
    }

    @Test(arguments: [(0, true), (255, true), (256, false)])
    func `an extension may be as long as the limit and no longer`(length: Int, isRead: Bool) {
        var decoder = BodyDecoder(framing: .chunked, limits: MessageLimits())
        let text = "0" + (length == 0 ? "" : ";" + String(repeating: "a", count: length)) + "\r\n\r\n"
        var offset = 0
        let piece = try? decoder.next(text.utf8Span.span, at: &offset)
        #expect((piece == .end) == isRead)
    }

    @Test func `a decoder that has ended leaves the next message alone`() throws {
        var decoder = BodyDecoder(framing: .length(3), limits: MessageLimits())
        let text = "abcGET /"
        var offset = 0
        let first = try decoder.next(text.utf8Span.span, at: &offset)
        let second = try decoder.next(text.utf8Span.span, at: &offset)
        #expect(first == .data(ByteRange(0, 3)))
        #expect(second == .end)
        #expect(offset == 3)
    }

    @Test func `a decoder knows what is to come of a body, and may be led past octets of it`() throws {
        var decoder = BodyDecoder(framing: .length(5), limits: MessageLimits())
        #expect(decoder.remaining == 5)
        decoder.advance(2)
        #expect(decoder.remaining == 3)
        let text = "abcGET /"
        var offset = 0
        let piece = try decoder.next(text.utf8Span.span, at: &offset)
        #expect(piece == .data(ByteRange(0, 3)))
        #expect(decoder.hasEnded && decoder.remaining == 0)
        decoder.advance(1)
        #expect(decoder.hasEnded)
        var chunked = BodyDecoder(framing: .chunked, limits: MessageLimits())
        chunked.advance(1)
        #expect(chunked.remaining == nil && !chunked.hasEnded)
    }

    @Test func `every status has a valid line`() throws {
        for status in 200...599 {
            var buffer = ByteBuffer()
            buffer.appendStatusLine(status)
            buffer.appendFraming(.length(0))
            buffer.appendHeadEnd()
            let octets = Array(copying: buffer.span)
            let reading = MessageReader.read(octets.span, .responses(to: .get)) { .max }
            #expect(reading.violation == nil)
            #expect(reading.messages.map(\.summary) == ["\(status) 1.1 keep none"])
        }
    }
}
