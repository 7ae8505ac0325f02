// What other threads tell a worker.

public import Policy
public import Transport

/// A message to a worker.
public enum WorkerMessage: Sendable {
    /// The keys of an issuer have changed, or could not be fetched.
    case keys(IssuerID, IssuerKeys)
    /// The addresses of a host; none if they could not be found out, with the reason.
    case addresses(host: String, [SocketAddress], problem: String)
    /// A configuration, with what is known of its issuers' keys. Later messages about keys are about its issuers.
    case publication(Publication, KeyRing)
    /// How an endpoint stands at one of its addresses.
    case standing(PublishedEndpoint, SocketAddress, Standing)
    /// What a request has waited for, with the number of its ticket.
    case slot(EndpointSlot, ticket: UInt64)
    /// Give up connections to an endpoint that nobody uses: others wait for one.
    case spare(PublishedEndpoint)
    /// Stop accepting, and finish what runs.
    case drain
    /// End now.
    case stop
}
