// JSON text written straight into a buffer: log lines, metadata documents, error bodies.

public import Bytes

/// Appends one JSON text to a buffer, placing commas by itself.
///
/// The caller opens and closes arrays and objects in pairs; members with empty values are left out by asking
/// for `member(_:_:)` only where there is something to say.
public struct JSONWriter: ~Copyable {
    private var buffer: ByteBuffer
    private var needsComma = false

    /// Starts a text in a new buffer.
    public init() {
        self.init(reusing: ByteBuffer())
    }

    /// Starts a text behind what `buffer` holds already.
    public init(reusing buffer: consuming ByteBuffer) {
        self.buffer = buffer
    }

    /// Ends the text and gives its buffer back.
    public consuming func finish() -> ByteBuffer {
        buffer
    }

    /// Writes an object whose members `body` writes.
    public mutating func object(_ body: (inout JSONWriter) -> Void) {
        nested(UInt8(ascii: "{"), UInt8(ascii: "}"), body)
    }

    /// Writes an array whose elements `body` writes.
    public mutating func array(_ body: (inout JSONWriter) -> Void) {
        nested(UInt8(ascii: "["), UInt8(ascii: "]"), body)
    }

    /// Writes the name of a member; its value follows.
    public mutating func name(_ name: StaticString) {
        separate()
        buffer.append(UInt8(ascii: "\""))
        buffer.append(name)
        buffer.append("\":")
        needsComma = false
    }

    /// Writes the name of a member; its value follows.
    public mutating func name(_ name: String) {
        string(name)
        buffer.append(UInt8(ascii: ":"))
        needsComma = false
    }

    /// Writes a string.
    public mutating func string(_ string: String) {
        string.withOctets { self.string($0) }
    }

    /// Writes a string that needs no escapes.
    public mutating func string(_ plain: StaticString) {
        separate()
        buffer.append(UInt8(ascii: "\""))
        buffer.append(plain)
        buffer.append(UInt8(ascii: "\""))
    }

    /// Writes `bytes` as a string; every byte that is not part of well-formed UTF-8 becomes U+FFFD.
    public mutating func string(_ bytes: borrowing Span<UInt8>) {
        separate()
        buffer.append(UInt8(ascii: "\""))
        if Self.isPlain(bytes) {
            buffer.append(bytes)
        } else {
            escape(String(lossy: bytes))
        }
        buffer.append(UInt8(ascii: "\""))
    }

    /// Writes an integer.
    public mutating func number(_ value: Int) {
        separate()
        buffer.append(decimal: value)
    }

    /// Writes `true` or `false`.
    public mutating func bool(_ value: Bool) {
        separate()
        buffer.append(value ? "true" : "false")
    }

    /// Writes `null`.
    public mutating func null() {
        separate()
        buffer.append("null")
    }

    /// Writes `json`, a complete JSON value, as it stands.
    public mutating func raw(_ json: borrowing Span<UInt8>) {
        separate()
        buffer.append(json)
    }

    /// Writes a value that was read before.
    public mutating func value(_ value: JSONValue) {
        switch value.content {
        case .null: null()
        case .bool(let bool): self.bool(bool)
        case .number(.integer(let integer)): number(Int(integer))
        case .number(.double(let double)): raw("\(double)".octets.span)
        case .string(let string): self.string(string)
        case .array(let elements): array { writer in for element in elements { writer.value(element) } }
        case .object(let object):
            self.object { writer in for member in object.members { writer.member(member.name, member.value) }
            }
        }
    }

    /// Writes a member with a string as its value.
    public mutating func member(_ name: StaticString, _ value: String) {
        self.name(name)
        string(value)
    }

    /// Writes a member with a string that needs no escapes as its value.
    public mutating func member(_ name: StaticString, _ plain: StaticString) {
        self.name(name)
        string(plain)
    }

    /// Writes a member with an integer as its value.
    public mutating func member(_ name: StaticString, _ value: Int) {
        self.name(name)
        number(value)
    }

    /// Writes a member with an array of strings as its value.
    public mutating func member(_ name: StaticString, _ values: [String]) {
        self.name(name)
        array { writer in for value in values { writer.string(value) } }
    }

    /// Writes a member with a value that was read before.
    public mutating func member(_ name: String, _ value: JSONValue) {
        self.name(name)
        self.value(value)
    }

    private mutating func nested(_ opening: UInt8, _ closing: UInt8, _ body: (inout JSONWriter) -> Void) {
        separate()
        buffer.append(opening)
        needsComma = false
        body(&self)
        buffer.append(closing)
        needsComma = true
    }

    private mutating func separate() {
        if needsComma { buffer.append(UInt8(ascii: ",")) }
        needsComma = true
    }

    /// Whether `bytes` can stand between quotes as they are.
    private static func isPlain(_ bytes: borrowing Span<UInt8>) -> Bool {
        for index in bytes.indices {
            let byte = bytes[index]
            if byte < 0x20 || byte >= 0x7F || byte == UInt8(ascii: "\"") || byte == UInt8(ascii: "\\") {
                return false
            }
        }
        return true
    }

    private mutating func escape(_ string: String) {
        for scalar in string.unicodeScalars {
            switch scalar {
            case "\"": buffer.append("\\\"")
            case "\\": buffer.append("\\\\")
            // Readers of logs take some of these for the end of a line, and terminals for commands.
            case _ where scalar.isInvisible: escape(UInt16(scalar.value))
            default:
                for byte in UTF8.encode(scalar) ?? UTF8.encodedReplacementCharacter { buffer.append(byte) }
            }
        }
    }

    private mutating func escape(_ unit: UInt16) {
        buffer.append("\\u")
        buffer.append(ASCII.hexDigit(UInt8(unit >> 12)))
        buffer.append(ASCII.hexDigit(UInt8(unit >> 8 & 0xF)))
        buffer.append(ASCII.hexDigit(UInt8(unit >> 4 & 0xF)))
        buffer.append(ASCII.hexDigit(UInt8(unit & 0xF)))
    }
}
