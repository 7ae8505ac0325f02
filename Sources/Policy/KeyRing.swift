// The keys of all issuers as one worker knows them.

public import JOSE

/// What is known of the keys of one issuer.
public struct IssuerKeys: Sendable {
    /// The keys; nil before the first fetch, and when they are too old to be used.
    public var keySet: KeySet?
    /// Whether the first fetch has neither succeeded nor failed.
    public var isPending: Bool
    /// Whether the last fetch failed.
    public var isSourceDown: Bool
    /// Seconds of the monotonic clock before which an unknown key is no reason to fetch again.
    public var holdOffUntil: Int64

    /// Makes the state before the first fetch, unless told otherwise.
    public init(
        keySet: KeySet? = nil,
        isPending: Bool = true,
        isSourceDown: Bool = false,
        holdOffUntil: Int64 = 0
    ) {
        self.keySet = keySet
        self.isPending = isPending
        self.isSourceDown = isSourceDown
        self.holdOffUntil = holdOffUntil
    }
}

/// The keys of all issuers of a snapshot.
public struct KeyRing: Sendable {
    private var issuers: [IssuerKeys]

    /// Makes a ring for `count` issuers whose keys were not fetched yet.
    public init(count: Int) {
        issuers = Array(repeating: IssuerKeys(), count: count)
    }

    /// What is known of the keys of an issuer.
    public subscript(issuer: IssuerID) -> IssuerKeys {
        get { issuers[issuer.index] }
        set { issuers[issuer.index] = newValue }
    }

    /// Whether some issuer has exactly this key set.
    func hold(_ keySet: KeySet) -> Bool { issuers.contains { $0.keySet === keySet } }

    /// Whether the first fetch of every issuer has succeeded or failed.
    public var isSettled: Bool { !issuers.contains { $0.isPending } }
}
