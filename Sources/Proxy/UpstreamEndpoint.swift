// An endpoint as one worker knows it: with a place at each of its addresses.

internal import Policy
internal import Transport

/// An endpoint with its places, which follow the addresses of its name.
final class UpstreamEndpoint {
    /// Whether its addresses are known.
    enum Reach {
        case known
        /// The first look-up is under way.
        case unknown
        /// The name could not be resolved.
        case failed(String)
    }

    /// The endpoint.
    let published: PublishedEndpoint
    /// What was counted at all of its places.
    let tally: EndpointTally
    /// A place at each address, none before the first request.
    private(set) var places: [UpstreamPlace] = []
    private var host: NamedHost?
    private var isRetired = false

    init(_ published: PublishedEndpoint) {
        self.published = published
        tally = EndpointTally(number: published.number)
    }

    /// Takes places at the addresses, if that was not done before.
    func reach(_ addresses: inout AddressBook, _ health: EndpointHealth) -> Reach {
        guard places.isEmpty else { return .known }
        if let fixed = published.fixedAddress {
            places = [place(at: fixed, health)]
            return .known
        }
        let host = host ?? addresses.host(published.endpoint.host)
        self.host = host
        guard !host.addresses.isEmpty else { return host.problem.map { .failed($0) } ?? .unknown }
        places = host.addresses.map { place(at: $0.with(port: published.endpoint.port), health) }
        if !isRetired { host.followers[published.number] = self }
        return .known
    }

    private func place(at address: SocketAddress, _ health: EndpointHealth) -> UpstreamPlace {
        UpstreamPlace(
            published,
            at: address,
            standing: health.standing(of: published, at: address),
            tally: tally
        )
    }

    /// Follows the addresses of the name. Places at addresses that stay are kept with their connections.
    ///
    /// - Returns: Connections to addresses that are gone, which nobody uses and nobody will.
    func follow(_ health: EndpointHealth) -> [ConnectionID] {
        let current = (host?.addresses ?? []).map { $0.with(port: published.endpoint.port) }
        let gone = places.filter { !current.contains($0.address) }
        places = current.map { address in
            places.first { $0.address == address } ?? place(at: address, health)
        }
        return gone.flatMap { $0.retire() }
    }

    /// Retires the endpoint with its places, and returns the connections that nobody uses and nobody will.
    func retire() -> [ConnectionID] {
        isRetired = true
        tally.isRetired = true
        host?.followers[published.number] = nil
        return places.flatMap { $0.retire() }
    }
}
