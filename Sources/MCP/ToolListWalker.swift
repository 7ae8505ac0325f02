// Steps over the values of a JSON text without a tree.

internal import Bytes

/// A place in a JSON text (RFC 8259) that moves from value to value and builds nothing.
///
/// The text must be well-formed UTF-8, and the same one for every call. The grammar is strict, but for halves of
/// surrogate pairs in escapes: programs do write them, and they move no boundary.
struct ToolListWalker {
    /// The content of a string between its quotes.
    struct StringContent {
        let start: Int
        let end: Int
        let hasEscapes: Bool
    }

    private(set) var offset = 0
    private var depth = 0

    /// The next octet that is no white space.
    mutating func peek(_ text: borrowing Span<UInt8>) throws(ToolListViolation) -> UInt8 {
        skipWhitespace(text)
        guard offset < text.count else { throw .notJSON }
        return text[offset]
    }

    /// Ends the text: nothing but white space may follow.
    mutating func finish(_ text: borrowing Span<UInt8>) throws(ToolListViolation) {
        skipWhitespace(text)
        guard offset == text.count else { throw .notJSON }
    }

    /// Enters the array or object that is next and ends with `closing`; false, and behind it, if it is empty.
    mutating func enter(
        _ text: borrowing Span<UInt8>,
        until closing: UInt8
    ) throws(ToolListViolation) -> Bool {
        guard depth < ToolListFilter.maximumDepth else { throw .tooDeep }
        depth += 1
        offset += 1
        guard try peek(text) == closing else { return true }
        offset += 1
        depth -= 1
        return false
    }

    /// Steps over a comma and tells true, or over `closing` and tells false.
    mutating func hasNext(
        _ text: borrowing Span<UInt8>,
        until closing: UInt8
    ) throws(ToolListViolation) -> Bool {
        let octet = try peek(text)
        offset += 1
        if octet == UInt8(ascii: ",") { return true }
        guard octet == closing else { throw .notJSON }
        depth -= 1
        return false
    }

    /// Steps over the name of a member and its colon.
    mutating func memberName(_ text: borrowing Span<UInt8>) throws(ToolListViolation) -> StringContent {
        guard try peek(text) == UInt8(ascii: "\"") else { throw .notJSON }
        let name = try string(text)
        guard try peek(text) == UInt8(ascii: ":") else { throw .notJSON }
        offset += 1
        return name
    }

    /// Steps over the value that is next, and tells where it stands.
    @discardableResult
    mutating func value(_ text: borrowing Span<UInt8>) throws(ToolListViolation) -> Range<Int> {
        let first = try peek(text)
        let start = offset
        switch first {
        case UInt8(ascii: "{"):
            guard try enter(text, until: UInt8(ascii: "}")) else { break }
            repeat {
                _ = try memberName(text)
                try value(text)
            } while try hasNext(text, until: UInt8(ascii: "}"))
        case UInt8(ascii: "["):
            guard try enter(text, until: UInt8(ascii: "]")) else { break }
            repeat { try value(text) } while try hasNext(text, until: UInt8(ascii: "]"))
        case UInt8(ascii: "\""): _ = try string(text)
        case UInt8(ascii: "t"): try literal(text, "true")
        case UInt8(ascii: "f"): try literal(text, "false")
        case UInt8(ascii: "n"): try literal(text, "null")
        default: try number(text)
        }
        return start..<offset
    }

    /// Steps over the string whose opening quote is next.
    mutating func string(_ text: borrowing Span<UInt8>) throws(ToolListViolation) -> StringContent {
        let start = offset + 1
        var index = start
        var hasEscapes = false
        while index < text.count, text[index] != UInt8(ascii: "\"") {
            guard text[index] >= 0x20 else { throw .notJSON }
            if text[index] == UInt8(ascii: "\\") {
                hasEscapes = true
                index += try Self.escapeLength(text, at: index)
            } else {
                index += 1
            }
        }
        guard index < text.count else { throw .notJSON }
        offset = index + 1
        return StringContent(start: start, end: index, hasEscapes: hasEscapes)
    }

    private static func escapeLength(
        _ text: borrowing Span<UInt8>,
        at start: Int
    ) throws(ToolListViolation) -> Int {
        guard start + 1 < text.count else { throw .notJSON }
        switch text[start + 1] {
        case UInt8(ascii: "\""), UInt8(ascii: "\\"), UInt8(ascii: "/"), UInt8(ascii: "b"), UInt8(ascii: "f"),
            UInt8(ascii: "n"), UInt8(ascii: "r"), UInt8(ascii: "t"):
            return 2
        case UInt8(ascii: "u"):
            guard start + 6 <= text.count else { throw .notJSON }
            for index in start + 2..<start + 6 where ASCII.hexValue(text[index]) == nil { throw .notJSON }
            return 6
        default: throw .notJSON
        }
    }

    private mutating func literal(
        _ text: borrowing Span<UInt8>,
        _ word: StaticString
    ) throws(ToolListViolation) {
        let end = offset + word.utf8CodeUnitCount
        guard end <= text.count, text.extracting(offset..<end).equals(word) else { throw .notJSON }
        offset = end
    }

    private mutating func number(_ text: borrowing Span<UInt8>) throws(ToolListViolation) {
        if isNext(text, UInt8(ascii: "-")) { offset += 1 }
        if isNext(text, UInt8(ascii: "0")) { offset += 1 } else { try digits(text) }
        if isNext(text, UInt8(ascii: ".")) {
            offset += 1
            try digits(text)
        }
        guard isNext(text, UInt8(ascii: "e")) || isNext(text, UInt8(ascii: "E")) else { return }
        offset += 1
        if isNext(text, UInt8(ascii: "+")) || isNext(text, UInt8(ascii: "-")) { offset += 1 }
        try digits(text)
    }

    private mutating func digits(_ text: borrowing Span<UInt8>) throws(ToolListViolation) {
        let start = offset
        while offset < text.count, ASCII.isDigit(text[offset]) { offset += 1 }
        guard offset > start else { throw .notJSON }
    }

    private func isNext(_ text: borrowing Span<UInt8>, _ octet: UInt8) -> Bool {
        offset < text.count && text[offset] == octet
    }

    private mutating func skipWhitespace(_ text: borrowing Span<UInt8>) {
        while offset < text.count {
            switch text[offset] {
            case ASCII.space, ASCII.tab, ASCII.lineFeed, ASCII.carriageReturn: offset += 1
            default: return
            }
        }
    }
}
