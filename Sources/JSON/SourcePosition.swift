// Byte offsets as people count them.

internal import Bytes

/// A line and a column in a text, both counted from 1.
public struct SourcePosition: Equatable, Sendable {
    /// Number of the line.
    public let line: Int
    /// Number of the byte within the line.
    public let column: Int

    /// Finds the place of the byte at `offset` in `text`; an offset behind the end means the end.
    public init(of offset: Int, in text: borrowing Span<UInt8>) {
        var line = 1
        var lineStart = 0
        let end = min(max(offset, 0), text.count)
        for index in 0..<end where text[index] == ASCII.lineFeed {
            line += 1
            lineStart = index + 1
        }
        self.line = line
        column = end - lineStart + 1
    }
}
