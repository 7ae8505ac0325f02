// The addresses of the names that a worker connects to.

internal import Transport

/// What a worker knows of a name, and who follows it.
final class NamedHost {
    /// The addresses, without ports; none while none are known.
    fileprivate(set) var addresses: [SocketAddress] = []
    /// Why there is none; nil while the first look-up is under way.
    fileprivate(set) var problem: String?
    /// Endpoints that have taken places at these addresses, by their numbers.
    var followers: [Int: UpstreamEndpoint] = [:]
}

/// The names, as the name refresher tells of them.
struct AddressBook {
    private var hosts: [String: NamedHost] = [:]

    /// What is known of a name.
    mutating func host(_ name: String) -> NamedHost {
        if let host = hosts[name] { return host }
        let host = NamedHost()
        hosts[name] = host
        return host
    }

    /// Enters what was found; what was known stays when nothing was found.
    ///
    /// - Returns: The name if its addresses have changed, for its followers.
    mutating func enter(_ found: [SocketAddress], for name: String, problem: String) -> NamedHost? {
        let host = host(name)
        guard !found.isEmpty else {
            if host.addresses.isEmpty { host.problem = problem }
            return nil
        }
        // Resolvers change the order from answer to answer.
        guard Set(found) != Set(host.addresses) else { return nil }
        host.addresses = found
        return host
    }

    /// Forgets all names but those in `needed`.
    mutating func keep(_ needed: Set<String>) {
        guard hosts.contains(where: { !needed.contains($0.key) }) else { return }
        hosts = hosts.filter { needed.contains($0.key) }
    }
}
