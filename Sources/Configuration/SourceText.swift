// The text of one configuration file, and how it becomes a tree that knows its places.

internal import Bytes
internal import JSON

/// A text whose lines are counted, so that finding a place takes no walk through the text.
final class SourceText: Sendable {
    let source: ConfigurationSource
    private let lineStarts: [Int]

    /// Most duplicate members that are reported in one text.
    private static let maximumDuplicates = 100

    init(_ source: ConfigurationSource) {
        self.source = source
        var starts = [0]
        for (offset, byte) in source.text.enumerated() where byte == ASCII.lineFeed {
            starts.append(offset + 1)
        }
        lineStarts = starts
    }

    var name: String { source.name }

    /// Line and column of the byte at `offset`, both from 1.
    func position(of offset: Int) -> (line: Int, column: Int) {
        let offset = min(max(offset, 0), source.text.count)
        var low = 0
        var high = lineStarts.count
        while high - low > 1 {
            let middle = (low + high) / 2
            if lineStarts[middle] <= offset { low = middle } else { high = middle }
        }
        return (low + 1, offset - lineStarts[low] + 1)
    }

    /// Reads the text; what is not JSON is reported and gives nil.
    ///
    /// A duplicate member is reported and blanked out, so that everything else is still read and checked.
    func read(reporting findings: Findings) -> Node? {
        var text = source.text
        for _ in 0..<Self.maximumDuplicates {
            do throws(JSONError) {
                let value = try JSONReader.read(text.span)
                return Node(value: value, nameOffset: nil, pointer: "", text: self, findings: findings)
            } catch {
                report(error, in: text.span, to: findings)
                guard case .duplicateMember = error.reason,
                    let member = Self.member(at: error.offset, in: text.span)
                else { return nil }
                for offset in member { text[offset] = ASCII.space }
            }
        }
        return nil
    }

    private func report(_ error: JSONError, in text: Span<UInt8>, to findings: Findings) {
        var pointer = JSONPointer.ofValue(at: error.offset, in: text)
        var remedy = "Write JSON (RFC 8259), without comments and without a comma after the last element."
        if case .duplicateMember(let name) = error.reason {
            pointer += "/" + JSONPointer.escaped(name)
            remedy = "Keep one of them."
        }
        findings.add(.error, in: self, at: error.offset, pointer, error.sentence, remedy)
    }

    /// The bytes of the member whose name begins at `offset`, and of the comma before it.
    private static func member(at offset: Int, in text: Span<UInt8>) -> Range<Int>? {
        guard let colon = endOfValue(at: offset, in: text), colon < text.count,
            let end = endOfValue(at: colon + 1, in: text)
        else { return nil }
        var start = offset - 1
        while start >= 0, text[start] != UInt8(ascii: ",") { start -= 1 }
        return start < 0 ? nil : start..<end
    }

    /// Offset of what follows the JSON value at `offset`.
    private static func endOfValue(at offset: Int, in text: Span<UInt8>) -> Int? {
        do throws(JSONError) {
            _ = try JSONReader.read(text.extracting(offset...))
            return text.count
        } catch {
            return error.reason == .trailingData ? offset + error.offset : nil
        }
    }
}
