// What other threads tell a worker.

public import Policy
public import Transport

/// A message to a worker.
public enum WorkerMessage: Sendable {
    /// The keys of an issuer have changed, or could not be fetched.
    case keys(IssuerID, IssuerKeys)
    /// The addresses of a host; none if they could not be found out, with the reason.
    case addresses(host: String, [SocketAddress], problem: String)
    /// A configuration with its listeners, and with what is known of its issuers' keys. Later messages about keys are
    /// about its issuers.
    case publication(Publication, [PublishedListener], KeyRing)
    /// Stop accepting, and finish what runs.
    case drain
    /// End now.
    case stop
}
