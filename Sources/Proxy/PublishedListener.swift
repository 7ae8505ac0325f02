// A listener on its way to the workers.

public import Policy
public import Transport

/// A listener with its sockets.
public struct PublishedListener: Sendable {
    /// What the configuration says of it.
    public let facts: Listener
    /// The networks from which it expects the PROXY protocol.
    let proxyNetworks: [Network]
    private let sockets: [[ListeningSocketBox]]

    /// Puts a listener and its sockets together; the outer array has an element for each worker.
    public init(_ facts: Listener, sockets: [[ListeningSocketBox]]) {
        self.facts = facts
        // The configuration has read the same texts before.
        proxyNetworks = facts.proxyNetworks.compactMap { Network($0) }
        self.sockets = sockets
    }

    /// Where one of the workers takes connections.
    func gates(ofWorker index: Int) -> [Gate] {
        sockets[index].map { Gate(box: $0, listener: self) }
    }
}

/// A socket at which a worker takes connections, and the listener that it belongs to.
struct Gate {
    let box: ListeningSocketBox
    let listener: PublishedListener

    /// The descriptor of the socket.
    var descriptor: CInt { box.socket.descriptor }
}
