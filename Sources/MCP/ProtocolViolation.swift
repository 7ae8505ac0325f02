// Why head and body of a request do not go together.

/// A refusal by the rules of MCP. The raw value is the reason code of logs.
public enum ProtocolViolation: String, Error, CaseIterable, Sendable {
    /// `MCP-Protocol-Version`, `Mcp-Method` or `Mcp-Name` is there twice.
    case repeatedField = "mcp_repeated_field"
    /// Two fields `Mcp-Param-…` have the same name.
    case repeatedParameter = "mcp_repeated_parameter"
    /// `MCP-Protocol-Version` is empty, a list, or not plain ASCII.
    case invalidVersion = "mcp_invalid_version"
    /// `Mcp-Name` cannot be decoded, or a mirrored field has octets that must be encoded.
    case invalidField = "mcp_invalid_field"
    /// `_meta` of a modern request lacks the version or the client's capabilities, or they have wrong types.
    case incompleteMeta = "mcp_incomplete_meta"
    /// `MCP-Protocol-Version` and the version in `_meta` differ, or only the latter is there.
    case versionMismatch = "mcp_version_mismatch"
    /// The version is not known, and servers differ in what they take it for.
    case unknownVersion = "mcp_unknown_version"
    /// `Mcp-Method` is missing or is not the method.
    case methodMismatch = "mcp_method_mismatch"
    /// `Mcp-Name` is missing or is not the name, URI or task id in `params`.
    case nameMismatch = "mcp_name_mismatch"
    /// The name, URI or task id of a method that has one is no string.
    case invalidName = "mcp_invalid_name"
    /// An array of messages in a revision without batches.
    case batchNotAllowed = "mcp_batch_not_allowed"
    /// `initialize` in a batch.
    case initializeInBatch = "mcp_initialize_in_batch"
    /// A JSON-RPC response in a revision in which servers ask nothing.
    case responseNotAllowed = "mcp_response_not_allowed"
    /// The body was refused before, so that there is nothing to judge.
    case noMessage = "mcp_no_message"
    /// GET or DELETE in a revision that has POST only.
    case methodNotAllowed = "mcp_method_not_allowed"

    /// The JSON-RPC error code.
    public var code: Int {
        switch self {
        case .repeatedField, .repeatedParameter, .invalidVersion, .invalidField, .versionMismatch,
            .methodMismatch,
            .nameMismatch:
            -32020
        case .incompleteMeta, .invalidName: -32602
        case .unknownVersion, .batchNotAllowed, .initializeInBatch, .responseNotAllowed, .noMessage,
            .methodNotAllowed:
            -32600
        }
    }

    /// The status of the answer. 405 goes with `Allow` and without a JSON-RPC error.
    public var status: Int { self == .methodNotAllowed ? 405 : 400 }

    /// One short sentence for the client.
    public var sentence: String {
        switch self {
        case .repeatedField: "MCP-Protocol-Version, Mcp-Method and Mcp-Name may appear only once."
        case .repeatedParameter: "Two Mcp-Param fields have the same name."
        case .invalidVersion: "MCP-Protocol-Version must be one version."
        case .invalidField: "A mirrored field has a value that is not encoded as it must be."
        case .incompleteMeta: "\"params._meta\" must carry the protocol version and the client capabilities."
        case .versionMismatch: "MCP-Protocol-Version and the version in \"params._meta\" differ."
        case .unknownVersion: "This protocol version is not known."
        case .methodMismatch: "Mcp-Method is missing or differs from the method in the body."
        case .nameMismatch: "Mcp-Name is missing or differs from the body."
        case .invalidName: "The name, URI or task id in \"params\" must be a string."
        case .batchNotAllowed: "Batches are part of protocol version 2025-03-26 only."
        case .initializeInBatch: "\"initialize\" cannot be part of a batch."
        case .responseNotAllowed: "Clients send no responses in this protocol version."
        case .noMessage: "The body has no message."
        case .methodNotAllowed: "This protocol version uses POST only."
        }
    }
}
