// The admin listener, once it has been checked.

public import OpenSSL
public import Policy

/// The listener for health, metrics and the status page.
public struct AdminSettings: Sendable {
    /// Where it listens.
    public let listener: Listener
    /// The hosts that requests are answered for: names in lower case and addresses, those of IPv6 in brackets. There are
    /// no ports.
    public let hosts: Set<String>
    /// Whether requests are answered for every host that is an address, as those of a listener on all addresses are.
    public let answersForAnyAddress: Bool
    /// SHA-256 of the token that requests need, nil if they need none.
    public let tokenDigest: Digest256?
    /// Most routes that have a label of their own in metrics, and most endpoints.
    public let metricsRoutes: Int

    /// Makes settings out of checked parts.
    public init(
        listener: Listener,
        hosts: Set<String>,
        answersForAnyAddress: Bool = false,
        tokenDigest: Digest256? = nil,
        metricsRoutes: Int = 100
    ) {
        self.listener = listener
        self.hosts = hosts
        self.answersForAnyAddress = answersForAnyAddress
        self.tokenDigest = tokenDigest
        self.metricsRoutes = metricsRoutes
    }
}
