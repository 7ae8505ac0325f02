// What a live check has found: facts for a table, and for programs.

internal import Policy

/// What one step of a live check has found.
public struct Finding: Sendable {
    /// What it means.
    public enum Verdict: String, Sendable, CaseIterable {
        /// As it must be.
        case ok
        /// Nothing was proved, for or against.
        case note
        /// The gateway works, and the operator should know.
        case warning
        /// Clients cannot come in, or could come in who may not.
        case problem
    }

    /// What was looked at.
    public enum Step: String, Sendable, CaseIterable {
        /// The metadata of an issuer.
        case metadata
        /// Whether an issuer says that it knows the parameter `resource` (RFC 8707).
        case resourceIndicators = "resource_indicators"
        /// Whether an issuer says that it knows the code challenges that MCP clients insist on (RFC 7636).
        case codeChallenges = "code_challenges"
        /// The keys of an issuer.
        case keys
        /// The token that the operator gave.
        case token
        /// The metadata document of a route (RFC 9728).
        case document
        /// The answer to a request without a token.
        case challenge
        /// The answer to tokens that nobody issued.
        case forgery
        /// The answer to the operator's token, at its own route or another.
        case audience
        /// An endpoint of the upstream.
        case upstream
        /// What the upstream says of itself.
        case upstreamDocument = "upstream_document"
    }

    /// What was looked at.
    public let step: Step
    /// What it means.
    public let verdict: Verdict
    /// What was seen, in printable characters, whatever the other side has sent.
    public let sentence: String
    /// What to do, one sentence; nil where nothing is to be done.
    public let remedy: String?

    /// Longest sentence in bytes.
    private static let maximumLength = 1000

    init(_ verdict: Verdict, _ step: Step, _ sentence: String, _ remedy: String? = nil) {
        self.verdict = verdict
        self.step = step
        self.sentence = ClaimText.printable(sentence, maximumLength: Self.maximumLength)
        self.remedy = remedy
    }
}

/// Everything that a live check has found.
public struct LiveReport: Sendable {
    /// What was checked.
    public struct Subject: Sendable {
        /// What kind of thing it is.
        public enum Kind: String, Sendable {
            /// An issuer of the configuration.
            case issuer
            /// A token that the operator gave, or could give.
            case token
            /// A route.
            case route
        }

        /// What kind of thing it is.
        public let kind: Kind
        /// The issuer's `iss`, or the route's resource; empty for the token.
        public let name: String
        /// What was found, in the order of the steps.
        public let findings: [Finding]
    }

    /// Issuers, then the token, then routes, in the order of the configuration.
    public let subjects: [Subject]

    /// How many findings have this verdict.
    public func count(of verdict: Finding.Verdict) -> Int {
        subjects.reduce(0) { $0 + $1.findings.count { $0.verdict == verdict } }
    }
}
