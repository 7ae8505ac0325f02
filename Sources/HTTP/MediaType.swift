// The one media type that is judged by its content: JSON, which is UTF-8.

internal import Bytes

/// The grammar of `Content-Type` (RFC 9110 §8.3.1), as far as it matters whether two readers see the same characters.
public enum MediaType {
    /// Whether `type` is `application/json` in UTF-8: any other charset, however it is written, and parameters that are
    /// none make it something else, as a server that decodes by them would read another message.
    public static func isJSON(_ type: borrowing Span<UInt8>) -> Bool {
        let end = type.firstIndex(of: UInt8(ascii: ";")) ?? type.count
        guard type.extracting(..<end).trimmingBlanks.equalsIgnoringCase("application/json") else {
            return false
        }
        var index = end
        var hasCharset = false
        while index < type.count {
            guard let parameter = parameter(of: type, from: index + 1) else { return false }
            let name = type.extracting(parameter.name)
            if name.startsIgnoringCase(with: "charset") {
                guard !hasCharset, name.equalsIgnoringCase("charset"),
                    isUTF8(type.extracting(parameter.value))
                else { return false }
                hasCharset = true
            }
            index = parameter.end
        }
        return true
    }

    private static func isUTF8(_ value: borrowing Span<UInt8>) -> Bool {
        value.equalsIgnoringCase("utf-8") || value.equalsIgnoringCase("\"utf-8\"")
    }

    private struct Parameter {
        let name: Range<Int>
        let value: Range<Int>
        /// Where the next semicolon stands, or the end.
        let end: Int
    }

    /// Reads `OWS token "=" ( token / quoted-string ) OWS` from `start` on; nil if it is anything else.
    private static func parameter(of type: borrowing Span<UInt8>, from start: Int) -> Parameter? {
        let nameStart = skipBlanks(type, from: start)
        let nameEnd = skipToken(type, from: nameStart)
        guard nameEnd > nameStart, nameEnd < type.count, type[nameEnd] == UInt8(ascii: "=") else {
            return nil
        }
        let valueStart = nameEnd + 1
        guard valueStart < type.count else { return nil }
        let valueEnd =
            type[valueStart] == UInt8(ascii: "\"")
            ? quotedEnd(type, from: valueStart) : skipToken(type, from: valueStart)
        guard let valueEnd, valueEnd > valueStart else { return nil }
        let end = skipBlanks(type, from: valueEnd)
        guard end == type.count || type[end] == UInt8(ascii: ";") else { return nil }
        return Parameter(name: nameStart..<nameEnd, value: valueStart..<valueEnd, end: end)
    }

    private static func skipBlanks(_ type: borrowing Span<UInt8>, from start: Int) -> Int {
        var index = start
        while index < type.count, type[index] == ASCII.space || type[index] == ASCII.tab { index += 1 }
        return index
    }

    private static func skipToken(_ type: borrowing Span<UInt8>, from start: Int) -> Int {
        var index = start
        while index < type.count, ASCII.isTokenCharacter(type[index]) { index += 1 }
        return index
    }

    /// Offset behind the closing quote; nil if there is none, or for a backslash, which readers treat differently.
    private static func quotedEnd(_ type: borrowing Span<UInt8>, from start: Int) -> Int? {
        var index = start + 1
        while index < type.count, type[index] != UInt8(ascii: "\"") {
            guard type[index] != UInt8(ascii: "\\") else { return nil }
            index += 1
        }
        return index < type.count ? index + 1 : nil
    }
}
