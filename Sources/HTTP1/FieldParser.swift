// Field lines, the same for requests, responses and trailers.

internal import Bytes
internal import HTTP

/// Reads the field lines of a section that is known to end with an empty line.
enum FieldParser {
    /// Reads the lines of `bytes` from `start` on into `fields`.
    ///
    /// Every line ends with CRLF, as `HeadScanner` has seen to.
    static func parse(
        _ bytes: borrowing Span<UInt8>,
        from start: Int,
        into fields: inout FieldTable,
        limits: MessageLimits
    ) throws(MessageViolation) {
        var lineStart = start
        while let lineFeed = bytes.firstIndex(of: ASCII.lineFeed, from: lineStart) {
            let lineEnd = lineFeed - 1
            guard lineEnd > lineStart else { return }
            guard fields.lines.count < limits.fieldCount else { throw .tooManyFields }
            fields.append(try line(of: bytes, from: lineStart, to: lineEnd))
            lineStart = lineFeed + 1
        }
    }

    private static func line(
        of bytes: borrowing Span<UInt8>,
        from start: Int,
        to end: Int
    ) throws(MessageViolation) -> FieldLine {
        var colon = start
        while colon < end, ASCII.isTokenCharacter(bytes[colon]) { colon += 1 }
        guard colon < end, bytes[colon] == UInt8(ascii: ":") else {
            throw misplaced(bytes[min(colon, end - 1)], at: colon, lineStart: start)
        }
        guard colon > start else { throw .invalidFieldName }
        var valueStart = colon + 1
        var valueEnd = end
        while valueStart < valueEnd, isBlank(bytes[valueStart]) { valueStart += 1 }
        while valueEnd > valueStart, isBlank(bytes[valueEnd - 1]) { valueEnd -= 1 }
        guard ASCII.isFieldValue(bytes.extracting(valueStart..<valueEnd)) else { throw .invalidFieldValue }
        return FieldLine(
            name: FieldName(bytes.extracting(start..<colon)),
            nameRange: ByteRange(start, colon),
            valueRange: ByteRange(valueStart, valueEnd)
        )
    }

    /// The violation that `byte` is, which stands where a name or its colon should.
    private static func misplaced(_ byte: UInt8, at index: Int, lineStart: Int) -> MessageViolation {
        guard isBlank(byte) else { return .invalidFieldName }
        return index == lineStart ? .foldedLine : .blankBeforeColon
    }

    private static func isBlank(_ byte: UInt8) -> Bool {
        byte == ASCII.space || byte == ASCII.tab
    }
}
