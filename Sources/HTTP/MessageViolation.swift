// Why a message on the wire is refused: one case for each rule that two parsers could see differently.

/// A breach of RFC 9110, RFC 9112 or RFC 9113, or of a limit, by the bytes of a message.
public enum MessageViolation: String, Error, Sendable, CaseIterable {
    /// A line ends with LF alone. (A CR without LF is an invalid octet of what it stands in.)
    case bareLineEnd = "bare_line_end"
    /// The request line is not `method SP target SP version`.
    case malformedRequestLine = "malformed_request_line"
    /// The status line is not `version SP status SP [reason]`.
    case malformedStatusLine = "malformed_status_line"
    /// The version is not HTTP/1.0 or HTTP/1.1.
    case unsupportedVersion = "unsupported_version"
    /// The start line is too long.
    case startLineTooLong = "start_line_too_long"
    /// The head is too long.
    case headTooLong = "head_too_long"
    /// The head has too many field lines.
    case tooManyFields = "too_many_fields"
    /// A field name is empty or holds something that is no token character.
    case invalidFieldName = "invalid_field_name"
    /// White space stands before the colon of a field.
    case blankBeforeColon = "blank_before_colon"
    /// A line begins with white space (obs-fold).
    case foldedLine = "folded_line"
    /// A field value holds NUL or another control character.
    case invalidFieldValue = "invalid_field_value"
    /// The target is not one of the forms that the method allows, or holds a forbidden octet.
    case invalidTarget = "invalid_target"
    /// The path could mean different places to different readers.
    case ambiguousPath = "ambiguous_path"
    /// There is no `Host`.
    case missingHost = "missing_host"
    /// There are two `Host` fields.
    case repeatedHost = "repeated_host"
    /// `Host` is not a host with an optional port.
    case invalidHost = "invalid_host"
    /// `Host` and the target's authority differ.
    case hostMismatch = "host_mismatch"
    /// `Content-Length` is not one plain number.
    case invalidContentLength = "invalid_content_length"
    /// There are two `Content-Length` fields, or one with a list.
    case repeatedContentLength = "repeated_content_length"
    /// Both `Content-Length` and `Transfer-Encoding` are present.
    case conflictingFraming = "conflicting_framing"
    /// The transfer coding is not a single `chunked`, or the version has none.
    case unsupportedTransferCoding = "unsupported_transfer_coding"
    /// `Connection` names a field that is not hop-by-hop, too many fields, or something that is no field.
    case forbiddenConnectionOption = "forbidden_connection_option"
    /// `Expect` asks for something other than `100-continue`.
    case unsupportedExpectation = "unsupported_expectation"
    /// The size of a chunk is not a plain hexadecimal number.
    case invalidChunkSize = "invalid_chunk_size"
    /// The extensions of a chunk are malformed or too long.
    case invalidChunkExtension = "invalid_chunk_extension"
    /// A chunk is not followed by a line end.
    case invalidChunkEnd = "invalid_chunk_end"
    /// The trailer section is malformed, too long, or carries framing or credentials.
    case invalidTrailer = "invalid_trailer"
    /// The message ended before its body did.
    case truncatedBody = "truncated_body"
    /// An HTTP/2 message is malformed (RFC 9113 §8.1.1): its pseudo-header fields, names, or length.
    case malformedMessage = "malformed_message"
    /// An HTTP/2 message has a field that only a connection of HTTP/1.1 knows (RFC 9113 §8.2.2).
    case connectionSpecificField = "connection_specific_field"

    /// Status of the answer to a request with this violation.
    public var status: Int {
        switch self {
        case .unsupportedVersion: 505
        case .startLineTooLong: 414
        case .headTooLong, .tooManyFields: 431
        case .unsupportedExpectation: 417
        default: 400
        }
    }
}
