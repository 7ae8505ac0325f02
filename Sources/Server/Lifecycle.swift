// From starting over serving to leaving: who is told, and how one process takes the place of another.

internal import Glibc
internal import Logging
internal import Proxy
internal import Transport

/// What the main thread does besides taking signals.
struct Lifecycle {
    /// What is to happen now.
    enum Step {
        /// The process is ready, and may take traffic.
        case serve
        /// The next process has the sockets: this one is to drain.
        case leave
    }

    /// Milliseconds that ending takes at most, beyond what the configuration allows.
    private static let spareTime = 5000

    private let logger: Logger
    private let pidFile: PidFile?
    private var supervisor: Supervisor?
    private var predecessor: Predecessor?
    private var successor: Successor?
    private var isServing = false
    private var hasToldMissing = false

    /// Begins at the start of the process.
    init(predecessor: MessageSocket?, pidFile: String?, logger: Logger) {
        self.predecessor = predecessor.map { Predecessor($0) }
        self.pidFile = pidFile.map { PidFile(path: $0) }
        self.logger = logger
        supervisor = Supervisor(ProcessEnvironment.value, logger: logger)
    }

    /// Whether the process serves, and no other is about to take its place.
    var isSettled: Bool { isServing && successor == nil }

    /// Whether another process is being started.
    var isUpgrading: Bool { successor != nil }

    /// Milliseconds that the main thread may wait for a signal.
    var patience: Int {
        // Between the two processes nobody accepts: the shorter the better.
        if predecessor != nil { return 5 }
        if successor != nil { return 20 }
        if !isServing { return 50 }
        return min(supervisor?.patience(now: Clock.monotonicMilliseconds) ?? .max, 60_000)
    }

    /// Looks at the workers and at the other process, if there is one.
    ///
    /// - Parameters:
    ///   - statuses: How the workers are.
    ///   - missing: The issuers whose keys the process before has and this one has not.
    mutating func turn(_ statuses: [WorkerStatus], missing: () -> [String]) -> Step? {
        if !isServing { return begin(statuses, missing: missing) }
        watch(statuses)
        guard var next = successor else { return nil }
        let state = next.look()
        successor = next
        switch state {
        case .starting: return nil
        case .failed(let reason):
            refuse("the new process \(reason)")
            return nil
        case .ready: return handOver(to: next)
        }
    }

    /// Gives a sign of life while every worker's loop turns.
    mutating func watch(_ statuses: [WorkerStatus]) {
        let now = Clock.monotonicMilliseconds
        supervisor?.watch(isAlive: statuses.allSatisfy { $0.isTurning(now: now) })
    }

    private mutating func begin(_ statuses: [WorkerStatus], missing: () -> [String]) -> Step? {
        guard statuses.allSatisfy(\.isReady) else { return nil }
        if predecessor != nil {
            let issuers = missing()
            guard issuers.isEmpty || predecessor?.isGone == true else {
                tellMissing(issuers)
                return nil
            }
            if predecessor?.letsGo() == false { return nil }
        }
        predecessor = nil
        isServing = true
        return .serve
    }

    private mutating func tellMissing(_ issuers: [String]) {
        guard !hasToldMissing else { return }
        hasToldMissing = true
        logger.warning(
            "Not ready: the process before has keys that this one could not fetch.",
            metadata: ["issuers": .array(issuers.map { "\($0)" })]
        )
    }

    /// Tells that the process serves.
    mutating func noteServing() {
        do throws(SystemError) {
            try pidFile?.write()
        } catch {
            let path = pidFile?.path ?? ""
            logger.error(
                "The file with the process id cannot be written.",
                metadata: ["path": "\(path)", "error": "\(error)"]
            )
        }
        supervisor?.ready()
    }

    /// Reloads by `body`, and tells so before and after.
    mutating func reload(_ body: () -> Void) {
        // Who starts the service is told that it is ready when it serves, and not before.
        guard isServing else { return body() }
        supervisor?.reloading()
        body()
        supervisor?.ready()
    }

    /// Starts the program anew, as its file is now; this process goes on until the new one is ready.
    mutating func upgrade(_ sockets: [ListeningSocketBox], note: HandoverNote, patience: Int) {
        guard isServing else { return refuse("this process is not ready itself") }
        guard successor == nil else { return logger.error("No upgrade: one is under way.") }
        // The end of process 1 is the end of its container, and of the new process with it.
        guard getpid() != 1 else { return refuse("this is process 1; replace its container instead") }
        guard let program = ProgramFile.current(command: CommandLine.arguments.first ?? "") else {
            return refuse("there is no program at \(CommandLine.arguments.first ?? "the path of this one")")
        }
        do throws(SystemError) {
            let next = try Successor.start(program, sockets: sockets, note: note, patience: patience)
            successor = next
            logger.notice("Upgrading.", metadata: ["program": "\(program)", "process": "\(next.id)"])
            supervisor?.status("Serving, and starting process \(next.id) for an upgrade.")
        } catch {
            refuse("\(program) cannot be started (\(error))")
        }
    }

    private mutating func refuse(_ reason: String) {
        successor = nil
        logger.error("No upgrade: \(reason). This process goes on.")
        supervisor?.status("Serving. The last upgrade failed: \(reason).")
    }

    private mutating func handOver(to next: Successor) -> Step? {
        // Only who is the service may say who is next, and it has to be said before the new process speaks.
        supervisor?.handedOver(to: next.id)
        guard next.letGo() else {
            supervisor?.handedOver(to: getpid())
            var next = next
            next.end()
            refuse("the new process has ended")
            return nil
        }
        logger.notice("Upgraded: the new process serves.", metadata: ["process": "\(next.id)"])
        successor = nil
        supervisor = nil
        return .leave
    }

    /// Tells that the process ends, within so many milliseconds, and gives up a process that is not ready yet.
    mutating func leave(within milliseconds: Int) {
        if successor != nil {
            successor?.end()
            refuse("this process was told to end")
        }
        supervisor?.stopping(within: milliseconds + Self.spareTime, "Draining.")
    }

    /// Tidies up before the process ends.
    func end() {
        pidFile?.remove()
    }
}
