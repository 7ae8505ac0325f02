// The process that takes the place of this one, seen from the old one.

internal import Bytes
internal import Glibc
internal import Transport

/// A new process that gets ready while this one serves.
struct Successor {
    /// How far it is.
    enum State {
        /// It is not ready yet.
        case starting
        /// It could serve, and waits to be let.
        case ready
        /// It will not be ready, for this reason: the end of a sentence without its full stop. It is gone.
        case failed(String)
    }

    private var process: ChildProcess
    private let connection: MessageSocket
    private let patience: Int
    private let deadline: Int
    /// When its end of the connection was found closed; a process that ends closes it a moment before.
    private var closedAt: Int?

    /// Milliseconds that a process has for ending after it has closed the connection.
    private static let moment = 500

    /// Its process id.
    var id: Int32 { process.id }

    /// Starts `program` with the arguments of this process.
    ///
    /// - Parameters:
    ///   - program: The program's file.
    ///   - sockets: The listening sockets to hand over.
    ///   - note: What else to hand over.
    ///   - patience: Milliseconds that it has for getting ready.
    static func start(
        _ program: String,
        sockets: [ListeningSocketBox],
        note: HandoverNote,
        patience: Int
    ) throws(SystemError) -> Successor {
        let (near, far) = try MessageSocket.pair()
        guard near.send(note.text) else { throw SystemError("send", EMSGSIZE) }
        let variable = "\(PassedDescriptors.upgradeVariable)=\(getpid()):\(sockets.count)"
        // These were said to this process, or name it.
        let stale =
            [PassedDescriptors.upgradeVariable, "WATCHDOG_PID"] + PassedDescriptors.activationVariables
        let process = try ChildProcess.start(
            program,
            arguments: CommandLine.arguments,
            environment: EnvironmentChange(removing: stale, adding: [variable]),
            descriptors: [far.descriptor] + sockets.map { $0.socket.descriptor }
        )
        return Successor(
            process: process,
            connection: near,
            patience: patience,
            deadline: Clock.monotonicMilliseconds + patience
        )
    }

    /// Looks how far it is; a process that has failed is ended.
    mutating func look() -> State {
        let now = Clock.monotonicMilliseconds
        switch connection.receive() {
        case .message(let message): if message == Predecessor.ready { return .ready }
        case .closed: closedAt = closedAt ?? now
        case .nothing: break
        }
        switch process.ended() {
        case .exited(let code)?: return .failed("ended with exit code \(code)")
        case .killed(let signal)?: return .failed("was ended by signal \(signal)")
        case nil: break
        }
        if let closedAt, now - closedAt > Self.moment {
            return fail("has closed the connection to this one")
        }
        if now >= deadline {
            return fail("was not ready within \(patience / 1000) s")
        }
        return .starting
    }

    private mutating func fail(_ reason: String) -> State {
        end()
        return .failed(reason)
    }

    /// Leaves the sockets to it; false if it is gone.
    func letGo() -> Bool { connection.send(Predecessor.take) }

    /// Ends it. It has taken no connection before it was let.
    mutating func end() {
        process.kill()
    }
}
