// The strict reader: RFC 8259 and nothing beside it, duplicate members refused, work and depth bounded.

internal import Bytes

/// Reads one JSON text from bytes.
///
/// Time is linear in the text's length; the tree takes a bounded multiple of it.
public struct JSONReader: ~Copyable, ~Escapable {
    /// Deepest nesting of arrays and objects by default.
    public static let defaultMaximumDepth = 32

    /// Most values (scalars, arrays, objects) in one text by default.
    public static let defaultMaximumValues = 1_000_000

    /// Longest number in bytes.
    public static let maximumNumberLength = 64

    private let text: Span<UInt8>
    private var offset = 0
    private var depthLeft: Int
    private var valuesLeft: Int

    @_lifetime(copy text)
    private init(_ text: Span<UInt8>, maximumDepth: Int, maximumValues: Int) {
        self.text = text
        depthLeft = maximumDepth
        valuesLeft = maximumValues
    }

    /// Reads the whole of `text` as one value.
    ///
    /// - Parameters:
    ///   - text: UTF-8 without byte order mark.
    ///   - maximumDepth: Deepest nesting of arrays and objects.
    ///   - maximumValues: Most values in the text.
    /// - Returns: The value.
    /// - Throws: Where and why the text was refused.
    public static func read(
        _ text: Span<UInt8>,
        maximumDepth: Int = defaultMaximumDepth,
        maximumValues: Int = defaultMaximumValues
    ) throws(JSONError) -> JSONValue {
        var reader = JSONReader(text, maximumDepth: maximumDepth, maximumValues: maximumValues)
        if text.count >= 3, text[0] == 0xEF, text[1] == 0xBB, text[2] == 0xBF {
            throw JSONError(reason: .byteOrderMark, offset: 0)
        }
        let value = try reader.readValue()
        reader.skipWhitespace()
        guard reader.offset == text.count else { throw reader.error(.trailingData) }
        return value
    }

    private mutating func readValue() throws(JSONError) -> JSONValue {
        skipWhitespace()
        valuesLeft -= 1
        guard valuesLeft >= 0 else { throw error(.tooManyValues) }
        let start = offset
        let content: JSONValue.Content =
            switch try peek() {
            case UInt8(ascii: "{"):
                try nested { (reader) throws(JSONError) in .object(try reader.readObject()) }
            case UInt8(ascii: "["):
                try nested { (reader) throws(JSONError) in .array(try reader.readArray()) }
            case UInt8(ascii: "\""): .string(try readString())
            case UInt8(ascii: "t"): try readLiteral("true", .bool(true))
            case UInt8(ascii: "f"): try readLiteral("false", .bool(false))
            case UInt8(ascii: "n"): try readLiteral("null", .null)
            default: .number(try readNumber())
            }
        return JSONValue(content: content, offset: start)
    }

    /// Reads an array or object, whose opening bracket is next, one level deeper.
    private mutating func nested(
        _ read: (inout JSONReader) throws(JSONError) -> JSONValue.Content
    ) throws(JSONError) -> JSONValue.Content {
        guard depthLeft > 0 else { throw error(.tooDeep) }
        depthLeft -= 1
        offset += 1
        let content = try read(&self)
        depthLeft += 1
        return content
    }

    private mutating func readArray() throws(JSONError) -> [JSONValue] {
        var elements: [JSONValue] = []
        guard try !consumeClosing(UInt8(ascii: "]")) else { return elements }
        repeat {
            elements.append(try readValue())
        } while try consumeSeparator(before: UInt8(ascii: "]"))
        return elements
    }

    private mutating func readObject() throws(JSONError) -> JSONObject {
        var members: [JSONObject.Member] = []
        var names = MemberNames()
        guard try !consumeClosing(UInt8(ascii: "}")) else { return JSONObject(members: members) }
        repeat {
            skipWhitespace()
            let nameOffset = offset
            guard try peek() == UInt8(ascii: "\"") else { throw error(.unexpectedCharacter) }
            let name = try readString()
            guard names.insert(name, behind: members) else {
                throw JSONError(reason: .duplicateMember(name), offset: nameOffset)
            }
            skipWhitespace()
            guard try peek() == UInt8(ascii: ":") else { throw error(.unexpectedCharacter) }
            offset += 1
            members.append(.init(name: name, nameOffset: nameOffset, value: try readValue()))
        } while try consumeSeparator(before: UInt8(ascii: "}"))
        return JSONObject(members: members)
    }

    /// Consumes `closing` if the array or object is empty.
    private mutating func consumeClosing(_ closing: UInt8) throws(JSONError) -> Bool {
        skipWhitespace()
        guard try peek() == closing else { return false }
        offset += 1
        return true
    }

    /// Consumes a comma or `closing`, and tells whether another element follows.
    private mutating func consumeSeparator(before closing: UInt8) throws(JSONError) -> Bool {
        skipWhitespace()
        let byte = try peek()
        guard byte == closing || byte == UInt8(ascii: ",") else { throw error(.unexpectedCharacter) }
        offset += 1
        return byte != closing
    }

    private mutating func readLiteral(
        _ literal: StaticString,
        _ content: JSONValue.Content
    ) throws(JSONError) -> JSONValue.Content {
        let end = offset + literal.utf8CodeUnitCount
        guard end <= text.count else { throw error(.unexpectedEnd) }
        guard text.extracting(offset..<end).equals(literal) else { throw error(.unexpectedCharacter) }
        offset = end
        return content
    }

    private mutating func readNumber() throws(JSONError) -> JSONNumber {
        let start = offset
        while offset < text.count, Self.isNumberCharacter(text[offset]) {
            offset += 1
            guard offset - start <= Self.maximumNumberLength else {
                throw JSONError(reason: .invalidNumber, offset: start)
            }
        }
        guard offset > start else { throw error(.unexpectedCharacter) }
        guard let number = JSONNumber(text.extracting(start..<offset)) else {
            throw JSONError(reason: .invalidNumber, offset: start)
        }
        return number
    }

    private static func isNumberCharacter(_ byte: UInt8) -> Bool {
        ASCII.isDigit(byte) || byte == UInt8(ascii: "-") || byte == UInt8(ascii: "+")
            || byte == UInt8(ascii: ".") || byte | 0x20 == UInt8(ascii: "e")
    }

    /// Reads a string whose opening quote is next.
    private mutating func readString() throws(JSONError) -> String {
        let start = offset
        offset += 1
        guard let end = try plainStringEnd() else {
            offset = start + 1
            return try readEscapedString(from: start)
        }
        guard let string = String(validating: text.extracting(start + 1..<end)) else {
            throw JSONError(reason: .invalidText, offset: start)
        }
        offset = end + 1
        return string
    }

    /// Offset of the closing quote of a string without escapes, nil if an escape comes first.
    private func plainStringEnd() throws(JSONError) -> Int? {
        var index = offset
        while index < text.count {
            let byte = text[index]
            if byte == UInt8(ascii: "\"") { return index }
            if byte == UInt8(ascii: "\\") { return nil }
            guard byte >= 0x20 else { throw JSONError(reason: .controlCharacter, offset: index) }
            index += 1
        }
        throw JSONError(reason: .unexpectedEnd, offset: text.count)
    }

    private mutating func readEscapedString(from start: Int) throws(JSONError) -> String {
        var bytes: [UInt8] = []
        while true {
            let byte = try peek()
            guard byte >= 0x20 else { throw error(.controlCharacter) }
            offset += 1
            switch byte {
            case UInt8(ascii: "\""):
                guard let string = String(validating: bytes.span) else {
                    throw JSONError(reason: .invalidText, offset: start)
                }
                return string
            case UInt8(ascii: "\\"):
                bytes.append(contentsOf: String(try readEscape()).utf8)
            default:
                bytes.append(byte)
            }
        }
    }

    /// Reads what follows a backslash.
    private mutating func readEscape() throws(JSONError) -> Character {
        let start = offset - 1
        let byte = try peek()
        offset += 1
        switch byte {
        case UInt8(ascii: "\""), UInt8(ascii: "\\"), UInt8(ascii: "/"): return Character(Unicode.Scalar(byte))
        case UInt8(ascii: "b"): return "\u{08}"
        case UInt8(ascii: "f"): return "\u{0C}"
        case UInt8(ascii: "n"): return "\n"
        case UInt8(ascii: "r"): return "\r"
        case UInt8(ascii: "t"): return "\t"
        case UInt8(ascii: "u"): return Character(try readScalar(from: start))
        default: throw JSONError(reason: .invalidEscape, offset: start)
        }
    }

    /// Reads the digits of a `\u` escape, and the second escape of a surrogate pair.
    private mutating func readScalar(from start: Int) throws(JSONError) -> Unicode.Scalar {
        let unit = try readHexadecimal()
        if let scalar = Unicode.Scalar(unit) { return scalar }
        guard UTF16.isLeadSurrogate(unit), offset + 2 <= text.count, text[offset] == UInt8(ascii: "\\"),
            text[offset + 1] == UInt8(ascii: "u")
        else { throw JSONError(reason: .invalidText, offset: start) }
        offset += 2
        let trail = try readHexadecimal()
        guard UTF16.isTrailSurrogate(trail) else { throw JSONError(reason: .invalidText, offset: start) }
        let value = 0x1_0000 + (UInt32(unit & 0x3FF) << 10 | UInt32(trail & 0x3FF))
        guard let scalar = Unicode.Scalar(value) else { throw JSONError(reason: .invalidText, offset: start) }
        return scalar
    }

    private mutating func readHexadecimal() throws(JSONError) -> UInt16 {
        var value: UInt16 = 0
        for _ in 0..<4 {
            guard let digit = ASCII.hexValue(try peek()) else { throw error(.invalidEscape) }
            value = value << 4 | UInt16(digit)
            offset += 1
        }
        return value
    }

    private func peek() throws(JSONError) -> UInt8 {
        guard offset < text.count else { throw error(.unexpectedEnd) }
        return text[offset]
    }

    private mutating func skipWhitespace() {
        while offset < text.count {
            switch text[offset] {
            case ASCII.space, ASCII.tab, ASCII.lineFeed, ASCII.carriageReturn: offset += 1
            default: return
            }
        }
    }

    private func error(_ reason: JSONError.Reason) -> JSONError {
        JSONError(reason: reason, offset: offset)
    }
}

/// The names of the members of one object that were read so far.
private struct MemberNames {
    /// The names, where there are many.
    private var names: Set<MemberName> = []

    /// Members up to which each is looked at: to do that costs less than to fill a table.
    private static let few = 16

    /// Adds `name`, which comes after `members`; false if one of them has it.
    mutating func insert(_ name: String, behind members: [JSONObject.Member]) -> Bool {
        guard members.count >= Self.few else {
            for index in members.indices where members[index].name.isIdentical(to: name) { return false }
            return true
        }
        if names.isEmpty {
            for member in members { names.insert(MemberName(text: member.name)) }
        }
        return names.insert(MemberName(text: name)).inserted
    }
}

/// A member's name that is hashed and compared by its octets. `String` compares by canonical equivalence, which takes
/// different names for equal, and time that grows with the square of a row of combining marks.
private struct MemberName: Hashable {
    let text: String

    static func == (left: MemberName, right: MemberName) -> Bool {
        left.text.isIdentical(to: right.text)
    }

    func hash(into hasher: inout Hasher) {
        let bytes = text.octets.span
        unsafe bytes.withUnsafeBytes { unsafe hasher.combine(bytes: $0) }
    }
}
