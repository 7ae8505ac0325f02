// What went wrong with an exchange, whose fault it is, and whether another try may help.

internal import Policy

/// A failure behind the policy.
struct GatewayFailure: Equatable {
    /// Who caused it.
    enum Fault: Equatable {
        case client, upstream, gateway
    }

    /// The reason code.
    let reason: FailureReason
    /// What the log says besides; never sent to a client.
    let detail: String

    /// Makes a failure.
    init(_ reason: FailureReason, _ detail: String = "") {
        self.reason = reason
        self.detail = detail
    }

    /// Who caused it.
    var fault: Fault {
        switch reason {
        case .clientAborted, .clientTimeout, .clientStalled: .client
        case .overloaded, .draining: .gateway
        default: .upstream
        }
    }
}
