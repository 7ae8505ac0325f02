// The listening sockets of the process, through all configurations.

internal import Glibc
internal import Policy
internal import Proxy
internal import Transport

/// Opens sockets for the addresses that a configuration names, and keeps those that stay.
struct ListenerSockets {
    /// By address as it is written; for each worker those that it takes connections from.
    private var sockets: [String: [[ListeningSocketBox]]] = [:]
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
        var taken: [String: [[ListeningSocketBox]]] = [:]
        for listener in listeners {
            let address = listener.address
            if let known = sockets[address] {
                taken[address] = known
            } else {
                taken[address] = try open(address)
            }
        }
        sockets = taken
        return listeners.map { PublishedListener($0, sockets: taken[$0.address] ?? []) }
    }

    private func open(_ text: String) throws(StartError) -> [[ListeningSocketBox]] {
        guard let address = SocketAddress(text) else {
            throw .cannotListen(address: text, SystemError("inet_pton", EINVAL))
        }
        do throws(SystemError) {
            return try ListeningSocket.open(address, count: workerCount).map { [$0] }
        } catch {
            throw .cannotListen(address: text, error)
        }
    }
}
