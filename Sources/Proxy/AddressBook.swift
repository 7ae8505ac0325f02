// The addresses of the hosts that a worker connects to.

internal import Policy
internal import Transport

/// What a worker knows of a host.
enum HostAddresses {
    /// Nothing yet: the first look-up is under way.
    case unknown
    /// The addresses, in the order in which to try them.
    case known([SocketAddress])
    /// The name could not be resolved.
    case failed(String)
}

/// The addresses by host name, as the name refresher sent them.
struct AddressBook {
    private var hosts: [String: HostAddresses] = [:]

    /// Enters what was found; what was known stays when nothing was found.
    mutating func enter(_ addresses: [SocketAddress], for host: String, problem: String) {
        if addresses.isEmpty {
            if case .known = hosts[host] { return }
            hosts[host] = .failed(problem)
        } else {
            hosts[host] = .known(addresses)
        }
    }

    /// Forgets all hosts but those in `needed`.
    mutating func keep(_ needed: Set<String>) {
        guard hosts.contains(where: { !needed.contains($0.key) }) else { return }
        hosts = hosts.filter { needed.contains($0.key) }
    }

    /// The addresses of an endpoint, with its port.
    func addresses(of endpoint: Endpoint) -> HostAddresses {
        if let path = endpoint.unixPath { return .known([SocketAddress(.unix(path))]) }
        if let literal = SocketAddress(host: endpoint.host, port: endpoint.port) { return .known([literal]) }
        guard case .known(let addresses) = hosts[endpoint.host] else {
            return hosts[endpoint.host] ?? .unknown
        }
        return .known(addresses.map { $0.with(port: endpoint.port) })
    }
}
