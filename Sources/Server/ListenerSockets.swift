// The listening sockets of the process, through all configurations.

internal import Glibc
internal import Policy
internal import Proxy
internal import Transport

/// Opens sockets for the addresses that a configuration names, and keeps those that stay.
struct ListenerSockets {
    /// What sockets are opened for. An address that goes from clients to operators needs other sockets.
    private struct Key: Hashable {
        let address: String
        let purpose: Listener.Purpose

        init(_ listener: Listener) {
            address = listener.address
            purpose = listener.purpose
        }
    }

    /// For each worker those that it takes connections from.
    private var sockets: [Key: [[ListeningSocketBox]]] = [:]
    private let workerCount: Int

    /// Makes a set without sockets.
    init(workerCount: Int) {
        self.workerCount = workerCount
    }

    /// Pairs listeners with their sockets, and opens those that are missing. Sockets of addresses that are not named any
    /// more close once no worker has them.
    ///
    /// - Throws: What could not be opened; everything is as before then.
    mutating func take(_ listeners: [Listener]) throws(StartError) -> [PublishedListener] {
        var taken: [Key: [[ListeningSocketBox]]] = [:]
        for listener in listeners {
            let key = Key(listener)
            if let known = sockets[key] {
                taken[key] = known
            } else {
                // One worker alone has the admin listener.
                let count = listener.purpose == .admin ? 1 : workerCount
                taken[key] = try open(listener.address, count: count)
            }
        }
        sockets = taken
        return listeners.map { PublishedListener($0, sockets: taken[Key($0)] ?? []) }
    }

    private func open(_ text: String, count: Int) throws(StartError) -> [[ListeningSocketBox]] {
        guard let address = SocketAddress(text) else {
            throw .cannotListen(address: text, SystemError("inet_pton", EINVAL))
        }
        do throws(SystemError) {
            return try ListeningSocket.open(address, count: count).map { [$0] }
        } catch {
            throw .cannotListen(address: text, error)
        }
    }
}
