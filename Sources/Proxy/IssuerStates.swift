// How the key sets of all issuers are, for whoever asks.

internal import JOSE
internal import Policy
internal import Synchronization
internal import Transport

/// How the keys of one issuer are.
public struct IssuerState: Sendable {
    /// What the keys are worth.
    public enum Condition: String, Sendable, CaseIterable {
        /// They are there, and the last fetch brought them.
        case ok
        /// They are there, but the last fetch failed.
        case stale
        /// There are none that can be used: tokens are answered with 503.
        case down
        /// The first fetch has neither succeeded nor failed.
        case pending
    }

    /// The name in the configuration.
    public let name: String
    /// The exact `iss`.
    public let issuer: String
    /// What the keys are worth.
    public let condition: Condition
    /// Number of keys.
    public let keys: Int
    /// When the source last gave keys, in seconds since the Unix epoch; nil if it never did.
    public let fetchedAt: Int?
    /// Why the last fetch failed, empty if it did not.
    public let problem: String

    /// Puts it together.
    public init(
        name: String,
        issuer: String,
        condition: Condition,
        keys: Int = 0,
        fetchedAt: Int? = nil,
        problem: String = ""
    ) {
        self.name = name
        self.issuer = issuer
        self.condition = condition
        self.keys = keys
        self.fetchedAt = fetchedAt
        self.problem = problem
    }

    /// What a schedule says of an issuer at `now`, in seconds of the monotonic clock.
    init(_ issuer: Issuer, _ schedule: KeySchedule, problem: String, now: Int64) {
        let state = schedule.state(now: now)
        let condition: Condition =
            if state.isPending {
                .pending
            } else if state.keySet == nil {
                .down
            } else {
                state.isSourceDown ? .stale : .ok
            }
        self.init(
            name: issuer.name,
            issuer: issuer.rules.issuer,
            condition: condition,
            keys: state.keySet?.keys.count ?? 0,
            fetchedAt: schedule.age(now: now).map { Clock.unixMicroseconds / 1_000_000 - Int($0) },
            problem: state.isSourceDown ? problem : ""
        )
    }
}

/// Holds what the keys of all issuers are like; one thread writes, others read.
public final class IssuerStates: Sendable {
    private let states = Mutex<[IssuerState]>([])

    /// Knows of no issuer yet.
    public init() {}

    /// All issuers in the order of the configuration.
    public var all: [IssuerState] { states.withLock { $0 } }

    /// The identifiers of those whose keys can be used.
    public var keyed: Set<String> { Set(all.filter { $0.keys > 0 }.map(\.issuer)) }

    func replace(by new: [IssuerState]) {
        states.withLock { $0 = new }
    }
}
