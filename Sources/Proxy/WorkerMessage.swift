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
    /// How an endpoint stands at one of its addresses.
    case standing(PublishedEndpoint, SocketAddress, Standing)
    /// What a request has waited for, with the number of its ticket.
    case slot(EndpointSlot, ticket: UInt64)
    /// Give up connections to an endpoint that nobody uses: others wait for one.
    case spare(PublishedEndpoint)
    /// Say what was counted.
    case report(to: Mailbox<WorkerReport>)
    /// Begin to accept, after a start that waited for this.
    case accept
    /// Say to load balancers that no more traffic is wanted; everything else goes on.
    case announceDrain
    /// Stop accepting, and finish what runs. Where another process has the sockets now, nobody waits for the end of
    /// this one, and it has not withdrawn.
    case drain(isHandedOver: Bool)
    /// End now.
    case stop
}
