// The events of an event stream, held one at a time across any split of the input.

internal import Bytes

/// Reads an event stream (WHATWG HTML §9.2.6) line by line, and holds an event from its first data to its end.
///
/// Lines end with CR, LF or CRLF. What comes before the data of an event goes on at once, as do events without
/// data, so that comments and priming events are never late. Nothing depends on how the input was split.
struct EventStreamReader: ~Copyable {
    /// What kind of event the data belongs to.
    enum EventType {
        /// A JSON-RPC message: the type is `message`, empty or not given.
        case message
        /// Where to post messages to (2024-11-05).
        case endpoint
        /// A type that MCP does not know and its clients do not look at.
        case other

        init(_ name: borrowing Span<UInt8>) {
            if name.isEmpty || name.equals("message" as StaticString) {
                self = .message
            } else {
                self = name.equals("endpoint" as StaticString) ? .endpoint : .other
            }
        }
    }

    /// How far the input was read.
    enum Progress {
        /// To its end.
        case more
        /// To the end of an event with data, which is held: `pass` comes next.
        case event
        /// Until an event or line grew longer than allowed.
        case tooLong
    }

    private let maximumLength: Int
    private var held = ByteBuffer()
    private var lineStart = 0
    private var hasData = false
    private var isFirstLine = true
    private var isAfterCarriageReturn = false

    /// Type of the event so far.
    private(set) var type = EventType.message

    /// Makes a reader that holds at most `maximumLength` octets and one portion of input.
    init(maximumLength: Int) {
        self.maximumLength = maximumLength
    }

    /// Number of octets that are held.
    var heldLength: Int { held.count }

    /// Reads `input` from `offset` on, and moves `offset` behind what was read.
    mutating func read(
        _ input: borrowing Span<UInt8>,
        at offset: inout Int,
        passing output: inout ByteBuffer
    ) -> Progress {
        while offset < input.count {
            skipLineFeed(input, at: &offset, passing: &output)
            guard offset < input.count else { return .more }
            let end = Self.lineEnd(input, from: offset)
            let next = min(end + 1, input.count)
            guard held.count + next - offset <= maximumLength else { return .tooLong }
            held.append(input.extracting(offset..<next))
            offset = next
            guard end < input.count else { return .more }
            isAfterCarriageReturn = input[end] == ASCII.carriageReturn
            if endLine(terminated: true, passing: &output) { return .event }
        }
        return .more
    }

    /// Ends the stream. An event without its blank line is none for the standard, but it is for lenient readers.
    ///
    /// - Returns: Whether an event with data is held: `pass` comes next.
    mutating func finish(passing output: inout ByteBuffer) -> Bool {
        if lineStart < held.count, endLine(terminated: false, passing: &output) { return true }
        return hasData
    }

    /// The data of the held event, its lines joined by LF.
    var joinedData: [UInt8] {
        var joined: [UInt8] = []
        var start = 0
        var isFirst = true
        while let line = EventStreamLine(held.span, from: start) {
            start = line.end
            guard line.isData else { continue }
            if !isFirst { joined.append(ASCII.lineFeed) }
            isFirst = false
            joined.append(contentsOf: [UInt8](copying: held.span.extracting(line.value)))
        }
        return joined
    }

    /// Passes the held event on, with `replacement` in place of its data, or as it is.
    mutating func pass(replacing replacement: [UInt8]?, into output: inout ByteBuffer) {
        if let replacement { write(replacement, into: &output) } else { output.append(held.span) }
        clear()
    }

    /// Leaves every line in its place with its end, or a CR and an LF that were two line ends could become one, and a
    /// byte order mark the first of the stream. Lines of data that are too many become comments; replacements only
    /// ever have fewer lines than the data had.
    private func write(_ replacement: [UInt8], into output: inout ByteBuffer) {
        var pieces = replacement.split(separator: ASCII.lineFeed, omittingEmptySubsequences: false)[...]
        var start = 0
        while let line = EventStreamLine(held.span, from: start) {
            start = line.end
            guard line.isData else {
                output.append(held.span.extracting(line.start..<line.end))
                continue
            }
            if let piece = pieces.popFirst() {
                output.append("data: ")
                output.append(Array(piece).span)
            } else {
                output.append(UInt8(ascii: ":"))
            }
            output.append(held.span.extracting(line.contentEnd..<line.end))
        }
    }

    /// Takes the second octet of a CRLF, which belongs to the line before, wherever that is by now.
    private mutating func skipLineFeed(
        _ input: borrowing Span<UInt8>,
        at offset: inout Int,
        passing output: inout ByteBuffer
    ) {
        guard isAfterCarriageReturn else { return }
        isAfterCarriageReturn = false
        guard input[offset] == ASCII.lineFeed else { return }
        offset += 1
        if held.isEmpty {
            output.append(ASCII.lineFeed)
        } else {
            held.append(ASCII.lineFeed)
            lineStart = held.count
        }
    }

    private static func lineEnd(_ input: borrowing Span<UInt8>, from start: Int) -> Int {
        var end = start
        while end < input.count, input[end] != ASCII.lineFeed, input[end] != ASCII.carriageReturn { end += 1 }
        return end
    }

    /// Takes the line from `lineStart` on, and tells whether an event with data ends with it.
    private mutating func endLine(terminated: Bool, passing output: inout ByteBuffer) -> Bool {
        passByteOrderMark(into: &output)
        let line = EventStreamLine(held.span, from: lineStart)
        guard let line, line.contentEnd > line.start else {
            if terminated, hasData { return true }
            if terminated { type = .message }
            passLines(into: &output)
            return false
        }
        if line.isData { hasData = true }
        if line.isEvent { type = EventType(held.span.extracting(line.value)) }
        if hasData { lineStart = held.count } else { passLines(into: &output) }
        return false
    }

    /// The first line of a stream may begin with a mark that is no part of it.
    private mutating func passByteOrderMark(into output: inout ByteBuffer) {
        guard isFirstLine else { return }
        isFirstLine = false
        let mark: [UInt8] = [0xEF, 0xBB, 0xBF]
        guard held.count >= mark.count, held.span.extracting(0..<mark.count).equals(mark.span) else { return }
        output.append(mark.span)
        held.consume(mark.count)
    }

    private mutating func passLines(into output: inout ByteBuffer) {
        output.append(held.span)
        held.release()
        lineStart = 0
    }

    private mutating func clear() {
        held.release()
        lineStart = 0
        hasData = false
        type = .message
    }
}
