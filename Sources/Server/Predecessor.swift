// The process whose place this one takes, seen from the new one.

internal import Transport

/// The connection to the process that serves until this one is ready.
struct Predecessor {
    /// What the new process says when it could serve.
    static let ready = Array("ready".utf8)
    /// What the old one answers when it leaves the sockets to the new one.
    static let take = Array("take".utf8)

    private let connection: MessageSocket
    private var hasSaidReady = false

    init(_ connection: MessageSocket) {
        self.connection = connection
    }

    /// Whether the old process has ended without waiting for this one: nobody else is left to serve then.
    ///
    /// Who waits no longer ends this process before it closes the connection.
    var isGone: Bool { connection.isClosed }

    /// Says once that this process is ready, and looks whether the traffic is left to it.
    mutating func letsGo() -> Bool {
        if !hasSaidReady {
            hasSaidReady = true
            _ = connection.send(Self.ready)
        }
        return switch connection.receive() {
        case .message(let message): message == Self.take
        case .closed: true
        case .nothing: false
        }
    }
}
