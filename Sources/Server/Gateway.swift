// The process: sockets, workers and background threads, from the first to the last.

public import Configuration
internal import Glibc
public import Logging
internal import OpenSSL
internal import Policy
internal import Proxy
public import Transport

/// Why the gateway could not start.
public enum StartError: Error, Sendable {
    /// A listener could not be opened.
    case cannotListen(address: String, SystemError)
    /// The access log could not be opened.
    case cannotLog(path: String, SystemError)
    /// What was handed to this process is not what it was said to be; the sentence says why.
    case cannotInherit(String)
    /// The system refused a thread or a descriptor.
    case refused(SystemError)

    /// What happened, for people.
    public var sentence: String {
        switch self {
        case .cannotListen(let address, let error): "Cannot listen on \(address): \(error.reason)."
        case .cannotLog(let path, let error): "Cannot write the access log to \(path): \(error.reason)."
        case .cannotInherit(let sentence): sentence
        case .refused(let error): "The system refused a resource (\(error))."
        }
    }
}

/// A gateway that serves one configuration.
public final class Gateway {
    private let configuration: GatewayConfiguration
    private let inheritance: Inheritance
    let logger: Logger
    private let mailboxes: [Mailbox<WorkerMessage>]
    let statuses: [WorkerStatus]
    let accessLog: AccessLogWriter?
    let signals: Signals
    var lifecycle: Lifecycle
    private var sockets: OpenSockets
    /// Whether a signal to end has come: the next one ends at once.
    var wasToldToEnd = false
    private let keyedIssuers = KeyedIssuers()
    /// Most client connections of one worker for which the process has descriptors.
    private let maximumClients: Int
    /// The listeners with their certificates of now.
    private var listeners: [Listener]

    /// Descriptors that are kept back for listeners, logs, pollers and the fetching of keys. What is left is divided
    /// by two, as each client may need a connection to a server.
    private static let reservedDescriptors = 64

    /// Takes the signals over and opens everything; nothing is served yet.
    ///
    /// Call it before any other thread is started, so that no other thread gets the signals.
    ///
    /// - Parameters:
    ///   - configuration: What to serve.
    ///   - inheritance: What this process found open.
    ///   - pidFile: Path of the file that tells the process id while the process serves, nil for none.
    ///   - logger: Takes operational messages.
    public init(
        _ configuration: GatewayConfiguration,
        inheritance: Inheritance = Inheritance(),
        pidFile: String? = nil,
        logger: Logger
    ) throws(StartError) {
        self.configuration = configuration
        self.inheritance = inheritance
        self.logger = logger
        lifecycle = Lifecycle(predecessor: inheritance.predecessor?.take(), pidFile: pidFile, logger: logger)
        sockets = OpenSockets(
            passed: inheritance.sockets.take() ?? [],
            isWaiting: inheritance.source == .predecessor
        )
        signals = Signals()
        let descriptors = DescriptorLimit.raise()
        let count = configuration.workers > 0 ? configuration.workers : Self.coreCount
        var mailboxes: [Mailbox<WorkerMessage>] = []
        do throws(SystemError) {
            for _ in 0..<count { mailboxes.append(try Mailbox()) }
        } catch {
            throw .refused(error)
        }
        self.mailboxes = mailboxes
        listeners = configuration.snapshot.listeners
        maximumClients = max((descriptors - Self.reservedDescriptors) / 2 / count, 4)
        statuses = mailboxes.map { _ in WorkerStatus() }
        accessLog = try AccessLogWriter.open(configuration.log.access, logger: logger)
    }

    private static var coreCount: Int { max(sysconf(CInt(_SC_NPROCESSORS_ONLN)), 1) }

    /// Starts all threads.
    ///
    /// - Throws: What could not be opened; nothing is left listening then.
    public func start() throws(StartError) {
        let snapshot = configuration.snapshot
        var sockets: [[WorkerSocket]] = Array(repeating: [], count: mailboxes.count)
        for (index, listener) in snapshot.listeners.enumerated() {
            for (position, box) in try openSockets(listener.address).enumerated() {
                sockets[position % mailboxes.count].append(WorkerSocket(listener: index, box: box))
            }
        }
        closePassedSockets()
        do throws(SystemError) {
            let services = try startServices(snapshot)
            for index in mailboxes.indices {
                try startWorker(index, sockets[index], services)
            }
            try accessLog?.start()
        } catch {
            throw .refused(error)
        }
        for listener in snapshot.listeners {
            logger.info("Listening.", metadata: ["address": "\(listener.address)"])
        }
    }

    private func openSockets(_ text: String) throws(StartError) -> [ListeningSocketBox] {
        guard let address = SocketAddress(text) else {
            throw .cannotListen(address: text, SystemError("inet_pton", EINVAL))
        }
        do throws(SystemError) {
            return try sockets.open(address, count: mailboxes.count)
        } catch {
            throw .cannotListen(address: text, error)
        }
    }

    /// Closes what was passed to this process and belongs to no listener.
    private func closePassedSockets() {
        for address in sockets.closePassed() {
            switch inheritance.source {
            case .predecessor:
                logger.notice("No longer listening.", metadata: ["address": "\(address)"])
            case .serviceManager:
                logger.warning(
                    "A socket was passed for which there is no listener: who connects to it is not answered.",
                    metadata: ["address": "\(address)"]
                )
            }
        }
    }

    private func startServices(_ snapshot: Snapshot) throws(SystemError) -> WorkerServices {
        let mailboxes = mailboxes
        let keyedIssuers = keyedIssuers
        let keys = try KeyRefresher(issuers: snapshot.issuers, logger: logger) { issuer, state in
            keyedIssuers.note(snapshot.issuer(issuer), hasKeys: state.keySet != nil)
            for mailbox in mailboxes { mailbox.send(.keys(issuer, state)) }
        }
        let hosts = Set(snapshot.routes.flatMap { $0.upstream.endpoints.map(\.host) })
        let names = NameRefresher(hosts: hosts, logger: logger) { host, addresses, problem in
            for mailbox in mailboxes { mailbox.send(.addresses(host: host, addresses, problem: problem)) }
        }
        try keys.start()
        try names.start()
        return WorkerServices(
            keys: keys,
            names: names,
            accessLog: accessLog?.sink,
            logger: logger,
            subjectKey: SecureRandom.bytes(count: 32),
            maximumClients: maximumClients
        )
    }

    private func startWorker(
        _ index: Int,
        _ sockets: [WorkerSocket],
        _ services: WorkerServices
    ) throws(SystemError) {
        let snapshot = configuration.snapshot
        // The thread's closure lives as long as the thread; the sockets are to close when the worker lets go of them.
        let handoff = Handoff(sockets)
        let mailbox = mailboxes[index]
        let status = statuses[index]
        // The process before this one serves until it is told.
        let isWaiting = inheritance.source == .predecessor
        let logger = logger
        try Thread.start("audgate-\(index)") {
            do throws(SystemError) {
                let worker = try Worker(
                    snapshot: snapshot,
                    listeners: handoff.take() ?? [],
                    isWaiting: isWaiting,
                    mailbox: mailbox,
                    services: services,
                    status: status
                )
                worker.run()
            } catch {
                logger.critical("A worker could not start.", metadata: ["error": "\(error)"])
            }
            status.end()
        }
    }

    /// Serves until a signal ends the process or another takes its place: the first signal drains, the second ends at
    /// once.
    ///
    /// - Parameter reload: Loads the configuration anew, from where it came.
    public func run(reloadingWith reload: () throws(ConfigurationError) -> GatewayConfiguration) {
        var tickets = TicketSchedule(now: Clock.monotonicMilliseconds)
        while true {
            let signal = signals.wait(milliseconds: lifecycle.patience)
            switch lifecycle.turn(statuses, missing: missingKeys) {
            case .serve?: serve()
            case .leave?:
                finish(isHandedOver: true)
                return end()
            case nil: break
            }
            switch signal {
            case .terminate?:
                drain()
                return end()
            case .reload?: lifecycle.reload { takeCertificates(from: reload) }
            case .reopenLogs?: accessLog?.reopen()
            case .upgrade?:
                let note = HandoverNote(
                    sessionKey: inheritance.sessionKey,
                    keyedIssuers: keyedIssuers.digests
                )
                lifecycle.upgrade(sockets.all, note: note, patience: limits.upgradeTimeout)
            case nil: break
            }
            if tickets.isDue(now: Clock.monotonicMilliseconds) {
                for listener in listeners { listener.tls?.rotateTicketKeys() }
            }
        }
    }

    /// The issuers whose keys the process before this one has and this one has not.
    private func missingKeys() -> [String] {
        keyedIssuers.missing(of: configuration.snapshot.issuers, wanted: inheritance.keyedIssuers)
    }

    private func serve() {
        if inheritance.source == .predecessor { tell(.accept) }
        lifecycle.noteServing()
        logger.notice("Ready.", metadata: ["configuration": "\(configuration.snapshot.hash)"])
    }

    /// Number of client connections.
    var connections: Int { statuses.reduce(0) { $0 + $1.clients } }

    /// The limits of the active configuration.
    var limits: Limits { configuration.snapshot.limits }

    /// Sends a message to every worker.
    func tell(_ message: WorkerMessage) {
        for mailbox in mailboxes { mailbox.send(message) }
    }

    /// Loads the configuration anew and hands its certificates to the workers. Everything else of it stays: a changed
    /// configuration needs a restart.
    private func takeCertificates(from reload: () throws(ConfigurationError) -> GatewayConfiguration) {
        do throws(ConfigurationError) {
            let new = try reload()
            guard new.snapshot.hash == configuration.snapshot.hash else {
                return logger.error(
                    "Nothing was reloaded: the configuration has changed, and only certificates are taken anew. Restart the process to use it."
                )
            }
            listeners = new.snapshot.listeners
            tell(.listeners(listeners))
            logger.notice("Certificates were taken anew.")
        } catch {
            for diagnostic in error.diagnostics where diagnostic.severity == .error {
                logger.error(
                    "Nothing was reloaded: \(diagnostic.problem) \(diagnostic.remedy)",
                    metadata: ["at": "\(diagnostic.file):\(diagnostic.line):\(diagnostic.column)"]
                )
            }
        }
    }

    private func end() {
        tell(.stop)
        let deadline = Clock.monotonicMilliseconds + 2000
        while Clock.monotonicMilliseconds < deadline, !statuses.allSatisfy(\.hasEnded) {
            Clock.sleep(milliseconds: 5)
        }
        accessLog?.flush()
        lifecycle.end()
        logger.notice("Ended.")
    }
}
