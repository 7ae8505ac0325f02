// One listener on loopback, a thread for each connection: simple, for a handful of clients.

internal import Glibc
internal import Synchronization
internal import Transport

/// Serves one address with one function.
final class DevelopmentServer: Sendable {
    /// Most connections at a time.
    static let maximumConnections = 64

    /// What answers requests; called on many threads at once.
    typealias Respond = @Sendable (ExchangeRequest) -> ExchangeResponse

    private struct State {
        var isStopped = false
        var connections: [Int32: DevelopmentConnection] = [:]
    }

    private let listener: ListeningSocketBox
    private let respond: Respond
    private let state = Mutex(State())

    /// Binds the address; nothing is answered before `start()`.
    init(address text: String, respond: @escaping Respond) throws(DevelopmentError) {
        let address = try Self.loopbackAddress(text)
        let listeners: [ListeningSocketBox]
        do throws(SystemError) {
            listeners = try ListeningSocket.open(address, count: 1)
        } catch {
            throw .cannotListen(text, reason: error.reason)
        }
        guard let listener = listeners.first else { throw .cannotListen(text, reason: "no socket") }
        self.listener = listener
        self.respond = respond
    }

    /// Takes `127.0.0.1:port`, `localhost:port` or `[::1]:port`.
    static func loopbackAddress(_ text: String) throws(DevelopmentError) -> SocketAddress {
        let named = "localhost:"
        let numeric = text.hasPrefix(named) ? "127.0.0.1:" + text.dropFirst(named.count) : text
        guard let address = SocketAddress(numeric), address.isLoopback, !numeric.hasPrefix("unix:") else {
            throw .notLoopback(text)
        }
        return address
    }

    /// Where the server listens, with the real port where 0 was asked for.
    var address: String { listener.socket.address.description }

    /// How many connections are open.
    var connectionCount: Int { state.withLock { $0.connections.count } }

    /// Begins to accept connections.
    func start() throws(DevelopmentError) {
        do throws(SystemError) {
            try Thread.start("development") { self.acceptConnections() }
        } catch {
            throw .cannotListen(address, reason: error.description)
        }
    }

    /// Stops accepting, and ends all connections.
    func stop() {
        state.withLock { state in
            state.isStopped = true
            shutdown(listener.socket.descriptor, CInt(SHUT_RDWR))
            for connection in state.connections.values { connection.shutDown() }
        }
    }

    private func acceptConnections() {
        while true {
            _ = Readiness.wait(for: .readable, on: listener.socket.descriptor, milliseconds: 60_000)
            guard !state.withLock({ $0.isStopped }) else { return }
            switch listener.socket.accept() {
            case .connection(let socket, _): serve(DevelopmentConnection(socket))
            case .wouldBlock: break
            // A connection may end meanwhile and free what is missing.
            case .exhausted: usleep(100_000)
            }
        }
    }

    /// Runs `connection` on a thread of its own; closes it where there are too many or the system has no thread.
    private func serve(_ connection: DevelopmentConnection) {
        let isAdmitted = state.withLock { state in
            guard !state.isStopped, state.connections.count < Self.maximumConnections else { return false }
            state.connections[connection.descriptor] = connection
            return true
        }
        guard isAdmitted else { return }
        do throws(SystemError) {
            try Thread.start("development") {
                connection.run(self.respond)
                self.forget(connection)
            }
        } catch {
            forget(connection)
        }
    }

    private func forget(_ connection: DevelopmentConnection) {
        state.withLock { state in _ = state.connections.removeValue(forKey: connection.descriptor) }
    }
}
