// What becomes of a request: it is answered here, waits for keys, or goes on with a permit.

/// The outcome of `AccessPolicy`.
public enum Decision: ~Copyable, Sendable {
    /// The request may go on; whoever holds the permit may send it, once.
    case forward(ForwardPermit)
    /// The head may pass; the body is to be read whole, and then `AccessPolicy.decide` is asked for the rest.
    case awaitBody(HeadClearance)
    /// The gateway answers by itself.
    case respond(LocalResponse)
    /// The keys of an issuer are to be fetched first; then the decision is asked for again.
    case awaitKeys(IssuerID)
}

/// What a request is told apart by before the policy looks at it.
public struct RequestScene: Sendable {
    /// Path that answers load balancers on this listener.
    public let healthPath: String
    /// Whether the process can take traffic.
    public let isReady: Bool
    /// Seconds since the Unix epoch.
    public let now: Int64
    /// Seconds of the monotonic clock, for what was set by it.
    public let monotonicNow: Int64
    /// Whether the request may wait for keys; false once it has.
    public let mayAwaitKeys: Bool

    /// Makes the scene of one decision.
    public init(healthPath: String, isReady: Bool, now: Int64, monotonicNow: Int64, mayAwaitKeys: Bool) {
        self.healthPath = healthPath
        self.isReady = isReady
        self.now = now
        self.monotonicNow = monotonicNow
        self.mayAwaitKeys = mayAwaitKeys
    }
}
