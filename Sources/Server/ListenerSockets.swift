// The listening sockets of the process, through all configurations, and for whoever is to have them next.

internal import Glibc
internal import Policy
internal import Proxy
internal import Transport

/// Opens sockets for the addresses that a configuration names, first of all those that were passed to this process, and
/// keeps those that stay.
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
    private var passed: [ListeningSocketBox]
    /// Whether another process serves until this one is told to.
    private let isWaiting: Bool
    private let workerCount: Int

    /// Begins with the sockets that were passed, by a process that serves on or by nobody who does.
    init(workerCount: Int, passed: [ListeningSocketBox], isWaiting: Bool) {
        self.workerCount = workerCount
        self.passed = passed
        self.isWaiting = isWaiting
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

    private mutating func open(_ text: String, count: Int) throws(StartError) -> [[ListeningSocketBox]] {
        guard let address = SocketAddress(text) else {
            throw .cannotListen(address: text, SystemError("inet_pton", EINVAL))
        }
        let own = passed.filter { $0.socket.address == address }
        let opened: [ListeningSocketBox]
        do throws(SystemError) {
            opened =
                own.isEmpty
                ? try ListeningSocket.open(address, count: count)
                : try ListeningSocketBox.complete(own, to: count, isWaiting: isWaiting)
        } catch {
            throw .cannotListen(address: text, error)
        }
        passed.removeAll { $0.socket.address == address }
        var shares: [[ListeningSocketBox]] = Array(repeating: [], count: count)
        for (index, box) in opened.enumerated() { shares[index % count].append(box) }
        return shares
    }

    /// Closes the sockets that were passed and that nobody has asked for, and gives their addresses.
    mutating func closePassed() -> [SocketAddress] {
        let addresses = passed.map { $0.socket.address }
        passed = []
        return addresses.reduce(into: []) { if !$0.contains($1) { $0.append($1) } }
    }

    /// The sockets that are open now, each once however many descriptors it has.
    var all: [ListeningSocketBox] {
        var seen: Set<UInt64> = []
        return sockets.values.flatMap { $0.flatMap { $0 } }.filter { seen.insert($0.identity).inserted }
    }

    /// Lets go of all sockets: each closes with the last worker that has it.
    mutating func letGo() {
        sockets = [:]
    }
}
