// Reasons by number, as counters know them, and what each one says of a request.

internal import HTTP
internal import JOSE
internal import MCP

/// Who ended a request.
public enum RequestOutcome: String, Sendable, CaseIterable {
    /// It went on, and its server answered.
    case allow
    /// The gateway answered by itself, as it should.
    case local
    /// It was refused.
    case refuse
    /// The server, the client or the gateway failed.
    case fail

    /// The word of logs and metrics.
    public var name: StaticString {
        switch self {
        case .allow: "allow"
        case .local: "local"
        case .refuse: "refuse"
        case .fail: "fail"
        }
    }
}

extension Reason {
    /// Every reason there is.
    public static let all: [Reason] =
        AccessReason.allCases.map { .access($0) } + TokenRefusal.Reason.allCases.map { .token($0) }
        + MessageViolation.allCases.map { .message($0) } + EnvelopeViolation.allCases.map { .envelope($0) }
        + ProtocolViolation.allCases.map { .protocolRule($0) }
        + SessionViolation.allCases.map { .session($0) } + FailureReason.allCases.map { .failure($0) }

    private static let numbers: [String: Int] = all.enumerated().reduce(into: [:]) {
        $0[$1.element.code] = $1.offset
    }

    /// The place of this reason in `all`.
    public var number: Int { Self.numbers[code] ?? 0 }

    /// Who ended a request that has this reason.
    public var outcome: RequestOutcome {
        switch self {
        case .access(.allowed): .allow
        case .access(.metadata), .access(.preflight), .access(.health), .access(.options), .access(.admin):
            .local
        case .access, .token, .message, .envelope, .protocolRule, .session: .refuse
        case .failure: .fail
        }
    }
}
