// JSON pointers (RFC 6901), for places of which no tree was made.

internal import Bytes
internal import JSON

/// Writes JSON pointers.
enum JSONPointer {
    private enum Level {
        case object(member: String?)
        case array(index: Int)
    }

    /// `name` as one step of a pointer.
    static func escaped(_ name: String) -> String {
        name.unicodeScalars.map { $0 == "~" ? "~0" : $0 == "/" ? "~1" : String($0) }.joined()
    }

    /// Pointer of the innermost value around the byte at `offset` of a text that is JSON up to there.
    static func ofValue(at offset: Int, in text: Span<UInt8>) -> String {
        var levels: [Level] = []
        var index = 0
        let end = min(offset, text.count)
        while index < end {
            switch text[index] {
            case UInt8(ascii: "{"): levels.append(.object(member: nil))
            case UInt8(ascii: "["): levels.append(.array(index: 0))
            case UInt8(ascii: "}"), UInt8(ascii: "]"): _ = levels.popLast()
            case UInt8(ascii: ","): advance(&levels)
            case UInt8(ascii: "\""):
                let start = index
                index = endOfString(at: start, in: text)
                guard case .object(nil) = levels.last, index < end else { break }
                levels[levels.count - 1] = .object(member: name(text.extracting(start...index)))
            default: break
            }
            index += 1
        }
        return levels.map(step).joined()
    }

    private static func advance(_ levels: inout [Level]) {
        switch levels.popLast() {
        case .object: levels.append(.object(member: nil))
        case .array(let index): levels.append(.array(index: index + 1))
        case nil: break
        }
    }

    private static func step(_ level: Level) -> String {
        switch level {
        case .object(let member): member.map { "/" + escaped($0) } ?? ""
        case .array(let index): "/\(index)"
        }
    }

    /// Offset of the closing quote of the string at `start`, or the end of the text.
    private static func endOfString(at start: Int, in text: Span<UInt8>) -> Int {
        var index = start + 1
        while index < text.count, text[index] != UInt8(ascii: "\"") {
            index += text[index] == UInt8(ascii: "\\") ? 2 : 1
        }
        return min(index, text.count)
    }

    private static func name(_ token: Span<UInt8>) -> String? {
        (try? JSONReader.read(token))?.string
    }
}
