// Why a body is not JSON-RPC that the gateway can judge.

/// A refusal of a body. The raw value is the reason code of logs.
public enum EnvelopeViolation: String, Error, CaseIterable, Sendable {
    /// The text ends inside a value.
    case unexpectedEnd = "json_unexpected_end"
    /// A character that the grammar does not allow here.
    case unexpectedCharacter = "json_unexpected_character"
    /// Something follows the value.
    case trailingData = "json_trailing_data"
    /// The text begins with a byte order mark.
    case byteOrderMark = "json_byte_order_mark"
    /// A string is not well-formed UTF-8, or an escape names half of a surrogate pair.
    case invalidText = "json_invalid_text"
    /// A control character stands unescaped in a string.
    case controlCharacter = "json_control_character"
    /// An unknown escape.
    case invalidEscape = "json_invalid_escape"
    /// A number against the grammar, not finite, or too long.
    case invalidNumber = "json_invalid_number"

    /// Arrays and objects are nested deeper than `Envelope.maximumDepth`.
    case tooDeep = "json_too_deep"
    /// An object that is looked at has more than `Envelope.maximumMembers`.
    case tooManyMembers = "json_too_many_members"
    /// A string that is looked at is longer than `Envelope.maximumTextLength`.
    case textTooLong = "json_text_too_long"
    /// An object that is looked at has two members of one name.
    case duplicateMember = "json_duplicate_member"
    /// A member's name is a reserved name in other letters.
    case variantMember = "json_variant_member"
    /// A string that is looked at holds U+0000, at which some readers stop.
    case nullCharacter = "json_null_character"

    /// A batch has more elements than `Envelope.maximumMessages`.
    case tooManyMessages = "rpc_too_many_messages"
    /// A batch without elements.
    case emptyBatch = "rpc_empty_batch"
    /// A message is no object.
    case notAnObject = "rpc_not_an_object"
    /// `jsonrpc` is not "2.0".
    case invalidVersion = "rpc_invalid_version"
    /// `id` is neither a string nor an integer, or too long; or a result has none.
    case invalidID = "rpc_invalid_id"
    /// There is no method, or it is no string, and there is no result or error either.
    case missingMethod = "rpc_missing_method"
    /// `params` is no object.
    case invalidParams = "rpc_invalid_params"
    /// More than one of method, result and error.
    case ambiguousKind = "rpc_ambiguous_kind"

    /// The JSON-RPC error code: -32700 for what is no JSON, -32600 for what is no message.
    public var code: Int {
        switch self {
        case .unexpectedEnd, .unexpectedCharacter, .trailingData, .byteOrderMark, .invalidText,
            .controlCharacter,
            .invalidEscape, .invalidNumber:
            -32700
        default: -32600
        }
    }

    /// The status of the answer.
    public var status: Int { 400 }

    /// One short sentence for the client.
    public var sentence: String {
        switch self {
        case .unexpectedEnd: "The JSON text ends in the middle of a value."
        case .unexpectedCharacter: "The body is not JSON: a character stands where it cannot."
        case .trailingData: "Something follows the JSON value."
        case .byteOrderMark: "The body begins with a byte order mark."
        case .invalidText: "A string is not well-formed Unicode."
        case .controlCharacter: "A control character in a string must be escaped."
        case .invalidEscape: "A string has an escape that JSON does not know."
        case .invalidNumber: "A number is not one of JSON, or too long or too large."
        case .tooDeep: "The JSON text is nested too deeply."
        case .tooManyMembers: "The message has too many members."
        case .textTooLong: "A name in the message is too long."
        case .duplicateMember: "A member appears twice in one object."
        case .variantMember: "A member name differs from a reserved one only by the case of its letters."
        case .nullCharacter: "A name in the message holds the character U+0000."
        case .tooManyMessages: "The batch has too many messages."
        case .emptyBatch: "The batch is empty."
        case .notAnObject: "A message must be a JSON object."
        case .invalidVersion: "\"jsonrpc\" must be \"2.0\"."
        case .invalidID: "\"id\" must be a string or an integer of reasonable length."
        case .missingMethod: "The message has no method."
        case .invalidParams: "\"params\" must be an object."
        case .ambiguousKind: "A message has exactly one of method, result and error."
        }
    }
}
