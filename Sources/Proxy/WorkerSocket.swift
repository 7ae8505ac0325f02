// A worker's listening socket.

public import Transport

/// A socket of one worker, and which listener of the configuration it belongs to.
public struct WorkerSocket: Sendable {
    /// Index of the listener in the snapshot.
    public let listener: Int
    /// The socket.
    public let box: ListeningSocketBox

    /// Puts both together.
    public init(listener: Int, box: ListeningSocketBox) {
        self.listener = listener
        self.box = box
    }
}
