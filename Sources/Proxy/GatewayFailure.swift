// What went wrong with an exchange: the reason for logs and answers, and the detail for logs alone.

internal import Policy

/// A failure behind the policy.
struct GatewayFailure: Error, Equatable {
    /// The reason code.
    let reason: FailureReason
    /// What the log says besides; never sent to a client.
    let detail: String

    /// Makes a failure.
    init(_ reason: FailureReason, _ detail: String = "") {
        self.reason = reason
        self.detail = detail
    }
}
