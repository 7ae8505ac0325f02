// Why an answer cannot be filtered, and so cannot go on.

/// A refusal of the upstream's answer; the raw value is the stable reason code of logs and metrics.
///
/// A body is answered with 502, a stream is broken off.
public enum ToolListViolation: String, Error, CaseIterable, Sendable {
    /// A line or event of the stream is longer than the filter may hold.
    case eventTooLong = "event_too_long"
    /// The body or the data of a message is not JSON (RFC 8259) in UTF-8.
    case notJSON = "tool_list_not_json"
    /// Arrays and objects are nested deeper than `ToolListFilter.maximumDepth`.
    case tooDeep = "tool_list_too_deep"
    /// A member that decides is there twice.
    case duplicateMember = "tool_list_duplicate_member"
    /// A member that decides is there in other letters, which some readers take for it.
    case variantMember = "tool_list_variant_member"
    /// `tools` of a result is no array of objects that have a string called `name`.
    case malformed = "tool_list_malformed"
}
