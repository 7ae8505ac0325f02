// One listener on loopback, a thread for each connection: simple, for a handful of clients.

internal import Bytes
internal import Glibc
internal import Synchronization

/// Serves one address with one function.
final class DevelopmentServer: Sendable {
    /// Most connections at a time.
    static let maximumConnections = 64

    /// What answers requests; called on many threads at once.
    typealias Respond = @Sendable (ExchangeRequest) -> ExchangeResponse

    private struct State {
        var isStopped = false
        var connections: Set<Int32> = []
    }

    private let listener: BlockingSocket
    private let respond: Respond
    private let state = Mutex(State())

    /// Binds the address; nothing is answered before `start()`.
    init(address text: String, respond: @escaping Respond) throws(DevelopmentError) {
        guard let address = LoopbackAddress(text) else { throw .notLoopback(text) }
        do throws(BlockingSocket.Failure) {
            listener = try BlockingSocket(listeningAt: address)
        } catch {
            throw .cannotListen(text, errno: error.number)
        }
        self.respond = respond
    }

    /// The port that the server has.
    var port: UInt16 { listener.port }

    /// Begins to accept connections.
    func start() {
        _ = DetachedThread.run { self.acceptConnections() }
    }

    /// Stops accepting, and ends all connections.
    func stop() {
        state.withLock { state in
            state.isStopped = true
            shutdown(listener.descriptor, Int32(SHUT_RDWR))
            for descriptor in state.connections { shutdown(descriptor, Int32(SHUT_RDWR)) }
        }
    }

    private func acceptConnections() {
        while !state.withLock(\.isStopped) {
            guard let socket = try? listener.accept() else {
                // Out of descriptors, or stopped: wait a little rather than spin.
                usleep(50_000)
                continue
            }
            serve(socket)
        }
    }

    private func serve(_ socket: consuming BlockingSocket) {
        let descriptor = socket.descriptor
        let isAdmitted = state.withLock { state in
            guard !state.isStopped, state.connections.count < Self.maximumConnections else { return false }
            return state.connections.insert(descriptor).inserted
        }
        guard isAdmitted else { return }
        let connection = DevelopmentConnection(socket)
        let isRunning = DetachedThread.run {
            connection.run(self.respond)
            self.forget(descriptor)
            connection.close()
        }
        if !isRunning { forget(descriptor) }
    }

    /// Takes a descriptor out of `stop()`'s reach, before it is closed and its number means something else.
    private func forget(_ descriptor: Int32) {
        state.withLock { state in _ = state.connections.remove(descriptor) }
    }
}
