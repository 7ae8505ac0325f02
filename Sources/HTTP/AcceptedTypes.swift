// What media types an `Accept` field takes (RFC 9110 §12.5.1), without a copy of its text.

internal import Bytes

/// Which of the two kinds of answers of MCP the sender of a request takes.
public struct AcceptedTypes: Sendable, Equatable {
    /// Whether `application/json` is acceptable.
    public private(set) var takesJSON = false
    /// Whether `text/event-stream` is acceptable.
    public private(set) var takesEventStreams = false

    /// Nothing is acceptable so far.
    public init() {}

    /// Adds the media ranges of one field.
    public mutating func add(_ field: borrowing Span<UInt8>) {
        var start = 0
        while start <= field.count {
            let end = field.firstIndex(of: UInt8(ascii: ","), from: start) ?? field.count
            add(range: field.extracting(start..<end))
            start = end + 1
        }
    }

    private mutating func add(range: borrowing Span<UInt8>) {
        let end = range.firstIndex(of: UInt8(ascii: ";")) ?? range.count
        guard !Self.isRefused(range, from: end) else { return }
        let type = range.extracting(..<end).trimmingBlanks
        let isAll = type.equals("*/*")
        if isAll || type.equalsIgnoringCase("application/json") || type.equalsIgnoringCase("application/*") {
            takesJSON = true
        }
        if isAll || type.equalsIgnoringCase("text/event-stream") || type.equalsIgnoringCase("text/*") {
            takesEventStreams = true
        }
    }

    /// Whether one of the parameters from `start` on is a quality of 0: "not acceptable" (RFC 9110 §12.4.2).
    private static func isRefused(_ range: borrowing Span<UInt8>, from start: Int) -> Bool {
        var start = start
        while start < range.count {
            let end = range.firstIndex(of: UInt8(ascii: ";"), from: start + 1) ?? range.count
            if isZeroQuality(range.extracting(start + 1..<end).trimmingBlanks) { return true }
            start = end
        }
        return false
    }

    private static func isZeroQuality(_ parameter: borrowing Span<UInt8>) -> Bool {
        guard parameter.startsIgnoringCase(with: "q") else { return false }
        var index = 1
        while index < parameter.count, isBlank(parameter[index]) { index += 1 }
        guard index < parameter.count, parameter[index] == UInt8(ascii: "=") else { return false }
        let value = parameter.extracting(index + 1..<parameter.count).trimmingBlanks
        guard !value.isEmpty, value[0] == UInt8(ascii: "0") else { return false }
        for index in value.indices
        where value[index] != UInt8(ascii: "0") && value[index] != UInt8(ascii: ".") {
            return false
        }
        return true
    }

    private static func isBlank(_ byte: UInt8) -> Bool { byte == ASCII.space || byte == ASCII.tab }
}
