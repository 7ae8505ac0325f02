// A JSON text as a tree whose nodes know where they stood: for tokens, key sets and the configuration.

internal import Bytes

/// A JSON value (RFC 8259) and where it began in its text.
public struct JSONValue: Sendable {
    /// What the value is.
    public enum Content: Sendable {
        /// The literal `null`.
        case null
        /// The literal `true` or `false`.
        case bool(Bool)
        /// A number.
        case number(JSONNumber)
        /// A string, escapes resolved.
        case string(String)
        /// An array.
        case array([JSONValue])
        /// An object, which has no two members of one name.
        case object(JSONObject)
    }

    /// What the value is.
    public let content: Content

    /// Byte offset of the value's first character in the text that it was read from.
    public let offset: Int

    /// The string, nil if the value is none.
    public var string: String? {
        if case .string(let string) = content { string } else { nil }
    }

    /// The number, nil if the value is none.
    public var number: JSONNumber? {
        if case .number(let number) = content { number } else { nil }
    }

    /// The truth value, nil if the value is none.
    public var bool: Bool? {
        if case .bool(let bool) = content { bool } else { nil }
    }

    /// The elements, nil if the value is no array.
    public var array: [JSONValue]? {
        if case .array(let elements) = content { elements } else { nil }
    }

    /// The object, nil if the value is none.
    public var object: JSONObject? {
        if case .object(let object) = content { object } else { nil }
    }

    /// The strings of an array that holds nothing else, nil for any other value.
    public var strings: [String]? {
        guard let elements = array else { return nil }
        let strings = elements.compactMap(\.string)
        return strings.count == elements.count ? strings : nil
    }

    /// What kind of value this is, in the words of RFC 8259: for messages.
    public var kindName: String {
        switch content {
        case .null: "null"
        case .bool: "a boolean"
        case .number: "a number"
        case .string: "a string"
        case .array: "an array"
        case .object: "an object"
        }
    }
}

/// The members of a JSON object in the order of the text.
public struct JSONObject: Sendable {
    /// A name with its value.
    public struct Member: Sendable {
        /// The name, escapes resolved.
        public let name: String
        /// Byte offset of the name's opening quote.
        public let nameOffset: Int
        /// The value.
        public let value: JSONValue
    }

    /// All members; no two have the same name.
    public let members: [Member]

    /// The value of the member called `name`, compared octet by octet; nil if there is none.
    public subscript(name: String) -> JSONValue? {
        for index in members.indices where members[index].name.isIdentical(to: name) {
            return members[index].value
        }
        return nil
    }
}

/// A JSON number: the integer that it denotes, or the nearest double.
public enum JSONNumber: Sendable, Equatable {
    /// A number without fraction and exponent that fits 64 bits.
    case integer(Int64)
    /// Any other number, which is finite.
    case double(Double)

    /// The nearest double.
    public var double: Double {
        switch self {
        case .integer(let value): Double(value)
        case .double(let value): value
        }
    }

    /// The integer, nil if the number was written with a fraction or an exponent, or is too large.
    public var integer: Int? {
        if case .integer(let value) = self { Int(value) } else { nil }
    }
}
