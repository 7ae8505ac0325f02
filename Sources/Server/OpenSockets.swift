// The listening sockets of the process, for whoever is to have them next.

internal import Transport

/// Opens sockets, first of all those that were passed to this process, and knows which are open.
struct OpenSockets {
    /// A socket belongs to its worker, which closes it.
    private struct Reference {
        weak var box: ListeningSocketBox?
    }

    private var passed: [ListeningSocketBox]
    /// Whether another process serves until this one is told to.
    private let isWaiting: Bool
    private var opened: [Reference] = []

    /// Begins with the sockets that were passed, by a process that serves on or by nobody who does.
    init(passed: [ListeningSocketBox], isWaiting: Bool) {
        self.passed = passed
        self.isWaiting = isWaiting
    }

    /// The sockets for `count` workers at `address`, at least one for each: those that were passed, or new ones.
    mutating func open(_ address: SocketAddress, count: Int) throws(SystemError) -> [ListeningSocketBox] {
        let own = passed.filter { $0.socket.address == address }
        let sockets =
            own.isEmpty
            ? try ListeningSocket.open(address, count: count)
            : try ListeningSocketBox.complete(own, to: count, isWaiting: isWaiting)
        passed.removeAll { $0.socket.address == address }
        opened.removeAll { $0.box == nil }
        opened += sockets.map { Reference(box: $0) }
        return sockets
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
        return opened.compactMap(\.box).filter { seen.insert($0.identity).inserted }
    }
}
