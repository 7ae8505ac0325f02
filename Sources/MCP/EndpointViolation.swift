// Why an event stream of revision 2024-11-05 cannot go on.

/// A refusal of the upstream's stream; the raw value is the stable reason code of logs and metrics.
public enum EndpointViolation: String, Error, CaseIterable, Sendable {
    /// A line or event is longer than the rewriter may hold.
    case eventTooLong = "event_too_long"
    /// There is no public place for what the `endpoint` event names.
    case endpointRefused = "endpoint_refused"
    /// The public place is not visible ASCII: the gateway's own mistake, which no stream may carry.
    case mappingInvalid = "endpoint_mapping_invalid"
}
