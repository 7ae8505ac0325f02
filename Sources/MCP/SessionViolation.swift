// Why a session id cannot be sealed or opened.

/// A refusal of a session id; the raw value is the stable reason code of logs and metrics.
///
/// The client learns the `status` and no more: what is not a session id at all is a bad request, everything else
/// looks like a session that has ended.
public enum SessionViolation: String, Error, CaseIterable, Sendable {
    /// The upstream's id is empty.
    case upstreamIDEmpty = "upstream_session_id_empty"
    /// The upstream's id is longer than `SessionSeal.maximumUpstreamLength`.
    case upstreamIDTooLong = "upstream_session_id_too_long"
    /// The upstream's id holds something beside 0x21 to 0x7E.
    case upstreamIDInvalid = "upstream_session_id_invalid"
    /// The client's id is longer than `SessionSeal.maximumPresentedLength`.
    case tooLong = "session_id_too_long"
    /// The client's id is empty, or holds something beside 0x21 to 0x7E.
    case invalid = "session_id_invalid"
    /// The client's id does not have the form of a sealed one.
    case notSealed = "session_id_not_sealed"
    /// No key of this gateway has sealed it.
    case unknownKey = "session_key_unknown"
    /// It was altered, or it belongs to another route or principal.
    case foreign = "session_foreign"

    /// The status to answer with (section "Session Management" of MCP 2025-11-25).
    public var status: Int {
        switch self {
        case .upstreamIDEmpty, .upstreamIDTooLong, .upstreamIDInvalid: 502
        case .tooLong, .invalid: 400
        case .notSealed, .unknownKey, .foreign: 404
        }
    }
}
