// One line of an event stream, taken apart.

internal import Bytes

/// Where a line, its field and the field's value stand (WHATWG HTML §9.2.6).
struct EventStreamLine {
    /// Offset of the first octet.
    let start: Int
    /// Offset behind the last octet before the line's end.
    let contentEnd: Int
    /// Offset behind CR, LF or CRLF.
    let end: Int
    /// The value without the one space that may stand in front; empty if there is no colon.
    let value: ByteRange
    /// Whether the field is `data`.
    let isData: Bool
    /// Whether the field is `event`.
    let isEvent: Bool

    /// Reads the line that begins at `start`; nil if there is nothing.
    init?(_ octets: borrowing Span<UInt8>, from start: Int) {
        guard start >= 0, start < octets.count else { return nil }
        var end = start
        var colon: Int?
        while end < octets.count, octets[end] != ASCII.lineFeed, octets[end] != ASCII.carriageReturn {
            if colon == nil, octets[end] == UInt8(ascii: ":") { colon = end }
            end += 1
        }
        self.start = start
        contentEnd = end
        let isPair =
            end + 1 < octets.count && octets[end] == ASCII.carriageReturn && octets[end + 1] == ASCII.lineFeed
        self.end = min(end + (isPair ? 2 : 1), octets.count)
        let name = octets.extracting(start..<(colon ?? end))
        isData = name.equals("data" as StaticString)
        isEvent = name.equals("event" as StaticString)
        var valueStart = colon.map { $0 + 1 } ?? end
        if valueStart < end, colon != nil, octets[valueStart] == ASCII.space { valueStart += 1 }
        value = ByteRange(valueStart, end)
    }
}
