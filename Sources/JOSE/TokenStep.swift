// The list of checks that a token goes through, in order.

/// One check of a token. The order of the cases is the order of the checks.
public enum TokenStep: UInt32, CaseIterable, Sendable {
    /// The header's `typ`, or the claims where it does not tell, are those of an access token.
    case type
    /// `iss` is the issuer's exact name.
    case issuer
    /// `alg` is one of the issuer's algorithms.
    case algorithm
    /// Exactly one key of the issuer is the one that must have signed.
    case key
    /// The signature is that key's.
    case signature
    /// The required claims are there, and all that are read have the right type.
    case claims
    /// `exp` is to come.
    case expiry
    /// `nbf` is past.
    case notBefore
    /// `iat` is past.
    case issuedAt
    /// `exp - iat` is not longer than allowed.
    case lifetime

    /// All steps in order.
    static let inOrder = allCases

    /// The name of the step: that of its case.
    public var name: String { String(describing: self) }

    /// The step without whose success this one can say nothing.
    public var prerequisite: TokenStep? {
        switch self {
        case .type, .issuer, .algorithm, .claims: nil
        case .key: .algorithm
        case .signature: .key
        case .expiry, .notBefore, .issuedAt, .lifetime: .claims
        }
    }
}

/// Some of the steps.
struct TokenSteps: Equatable {
    private var bits: UInt32 = 0

    /// Every step.
    static let all: TokenSteps = {
        var all = TokenSteps()
        for step in TokenStep.inOrder { all.insert(step) }
        return all
    }()

    func contains(_ step: TokenStep) -> Bool {
        bits & Self.bit(of: step) != 0
    }

    mutating func insert(_ step: TokenStep) {
        bits |= Self.bit(of: step)
    }

    private static func bit(of step: TokenStep) -> UInt32 {
        1 << step.rawValue
    }
}
