// What a request asks for, taken apart and checked once: the bytes that routing compares are the bytes on the wire.

public import Bytes

/// Path and query of a request target (RFC 9112 §3.2), as places in the head.
///
/// Nothing is decoded. A path that two readers could understand differently is refused: dot segments, encoded unreserved characters, encoded slashes and backslashes, `//`, `;`, `\`, NUL, and anything outside RFC 3986.
public struct RequestTarget: Sendable, Equatable {
    /// Where the path stands, which begins with a slash; empty for `OPTIONS *`.
    public private(set) var path = ByteRange.empty
    /// Where the query stands, without its question mark; empty if there is none.
    public private(set) var query = ByteRange.empty

    /// Makes an empty target.
    public init() {}

    /// Makes the target of the root path, a single slash that stands at `range`.
    public init(rootAt range: ByteRange) {
        path = range
    }

    /// Takes the path and query at `range` of `bytes` apart.
    ///
    /// - Throws: `invalidTarget` or `ambiguousPath`.
    public init(_ range: ByteRange, in bytes: borrowing Span<UInt8>) throws(MessageViolation) {
        let mark = bytes.extracting(range).firstIndex(of: UInt8(ascii: "?"))
        let pathEnd = mark.map { range.start + $0 } ?? range.end
        path = ByteRange(range.start, pathEnd)
        try Self.check(path: bytes.extracting(path))
        guard let mark else { return }
        query = ByteRange(range.start + mark + 1, range.end)
        for index in query.start..<query.end {
            guard ASCII.isQueryCharacter(bytes[index]) else { throw .invalidTarget }
            guard bytes[index] == UInt8(ascii: "%") else { continue }
            _ = try Self.octet(escapedAt: index, of: bytes.extracting(..<query.end))
        }
    }

    private static func check(path: borrowing Span<UInt8>) throws(MessageViolation) {
        guard !path.isEmpty, path[0] == UInt8(ascii: "/") else { throw .invalidTarget }
        var index = 0
        while index < path.count {
            let byte = path[index]
            switch byte {
            case UInt8(ascii: "/"): try checkSegment(after: index, of: path)
            case UInt8(ascii: "%"): try checkEscape(at: index, of: path)
            case UInt8(ascii: ";"), UInt8(ascii: "\\"): throw .ambiguousPath
            default: guard ASCII.isPathCharacter(byte) else { throw .invalidTarget }
            }
            index += 1
        }
    }

    /// Refuses an empty segment that is not the last, and `.` and `..`, plain or percent-encoded.
    private static func checkSegment(
        after slash: Int,
        of path: borrowing Span<UInt8>
    ) throws(MessageViolation) {
        var index = slash + 1
        guard index < path.count else { return }
        guard path[index] != UInt8(ascii: "/") else { throw .ambiguousPath }
        var dots = 0
        while index < path.count, path[index] == UInt8(ascii: ".") {
            dots += 1
            index += 1
        }
        let isWholeSegment = index == path.count || path[index] == UInt8(ascii: "/")
        guard !isWholeSegment || dots == 0 || dots > 2 else { throw .ambiguousPath }
    }

    /// Refuses malformed escapes, and those of slash, backslash, controls, octets above 0x7E, and characters that
    /// need no escape: some readers would decode them before they compare (RFC 3986 §6.2.2.2).
    private static func checkEscape(at index: Int, of path: borrowing Span<UInt8>) throws(MessageViolation) {
        let decoded = try octet(escapedAt: index, of: path)
        guard decoded >= 0x20, decoded < 0x7F, decoded != UInt8(ascii: "/"), decoded != UInt8(ascii: "\\"),
            !isUnreserved(decoded)
        else { throw .ambiguousPath }
    }

    /// The octet that the escape at `index` stands for.
    private static func octet(
        escapedAt index: Int,
        of text: borrowing Span<UInt8>
    ) throws(MessageViolation) -> UInt8 {
        guard index + 2 < text.count, let high = ASCII.hexValue(text[index + 1]),
            let low = ASCII.hexValue(text[index + 2])
        else { throw .invalidTarget }
        return high << 4 | low
    }

    private static func isUnreserved(_ byte: UInt8) -> Bool {
        let letter = ASCII.lowercased(byte)
        return ASCII.isDigit(byte) || (letter >= UInt8(ascii: "a") && letter <= UInt8(ascii: "z"))
            || byte == UInt8(ascii: "-") || byte == UInt8(ascii: ".") || byte == UInt8(ascii: "_")
            || byte == UInt8(ascii: "~")
    }
}
