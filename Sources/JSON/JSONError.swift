// Why a text is not the JSON that audgate accepts, and where.

/// A refusal of the strict reader.
public struct JSONError: Error, Equatable, Sendable {
    /// What is wrong.
    public enum Reason: Equatable, Sendable {
        /// The text ends inside a value.
        case unexpectedEnd
        /// A character that the grammar does not allow here.
        case unexpectedCharacter
        /// Something follows the value.
        case trailingData
        /// The text begins with a byte order mark.
        case byteOrderMark
        /// A string is not well-formed UTF-8, or an escape names half of a surrogate pair.
        case invalidText
        /// A control character stands unescaped in a string.
        case controlCharacter
        /// An unknown escape.
        case invalidEscape
        /// A number against the grammar, not finite, or longer than `JSONReader.maximumNumberLength`.
        case invalidNumber
        /// Two members of one object have this name.
        case duplicateMember(String)
        /// Arrays and objects are nested deeper than allowed.
        case tooDeep
        /// The text has more values than allowed.
        case tooManyValues
    }

    /// What is wrong.
    public let reason: Reason

    /// Byte offset at which the reader stopped.
    public let offset: Int

    /// One sentence for people, without the place.
    public var sentence: String {
        switch reason {
        case .unexpectedEnd: "The text ends in the middle of a value."
        case .unexpectedCharacter: "This character cannot stand here."
        case .trailingData: "Something follows the end of the value."
        case .byteOrderMark: "The text begins with a byte order mark."
        case .invalidText: "The string is not well-formed Unicode."
        case .controlCharacter: "A control character in a string must be escaped."
        case .invalidEscape: "JSON has no such escape."
        case .invalidNumber: "This is not a JSON number of reasonable length."
        case .duplicateMember(let name): "The member \"\(name)\" appears twice in one object."
        case .tooDeep: "The text is nested too deeply."
        case .tooManyValues: "The text has too many values."
        }
    }
}
