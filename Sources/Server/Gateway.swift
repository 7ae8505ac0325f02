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
    var configuration: GatewayConfiguration
    private let inheritance: Inheritance
    let logger: Logger
    let level: LogLevel
    private let mailboxes: [Mailbox<WorkerMessage>]
    let statuses: [WorkerStatus]
    let logs: LogWriter
    let traces: TraceExporter
    let signals: Signals
    var lifecycle: Lifecycle
    /// Whether a signal to end has come: the next one ends at once.
    var wasToldToEnd = false
    /// Most descriptors of the process.
    private let maximumDescriptors = DescriptorLimit.raise()
    private let descriptors: DescriptorShare
    /// The key of the hash under which subjects stand in logs.
    private let subjectKey = SecureRandom.bytes(count: 32)
    var sockets: ListenerSockets
    var publisher = Publisher()
    /// What workers are still to take over: generations and the hashes of their configurations.
    var awaited: [(generation: Int, configuration: String)] = []
    var keys: KeyRefresher?
    var names: NameRefresher?
    let health: EndpointHealth
    let state = OperationalState()
    let issuerStates = IssuerStates()
    let admin: AdminWorker
    var services: WorkerServices?

    /// Descriptors that are kept back for logs and what the system's libraries open.
    private static let reservedDescriptors = 32

    /// Takes the signals over and opens everything; nothing is served yet.
    ///
    /// Call it before any other thread is started, so that no other thread gets the signals.
    ///
    /// - Parameters:
    ///   - configuration: What to serve.
    ///   - inheritance: What this process found open.
    ///   - pidFile: Path of the file that tells the process id while the process serves, nil for none.
    ///   - logger: Takes operational messages.
    ///   - level: How important these must be.
    public init(
        _ configuration: GatewayConfiguration,
        inheritance: Inheritance = Inheritance(),
        pidFile: String? = nil,
        logger: Logger,
        level: LogLevel
    ) throws(StartError) {
        self.inheritance = inheritance
        self.level = level
        lifecycle = Lifecycle(predecessor: inheritance.predecessor?.take(), pidFile: pidFile, logger: logger)
        self.configuration = configuration
        self.logger = logger
        signals = Signals()
        let count = configuration.workers > 0 ? configuration.workers : Self.coreCount
        var mailboxes: [Mailbox<WorkerMessage>] = []
        do throws(SystemError) {
            for _ in 0..<count { mailboxes.append(try Mailbox()) }
        } catch {
            throw .refused(error)
        }
        self.mailboxes = mailboxes
        sockets = ListenerSockets(
            workerCount: count,
            passed: inheritance.sockets.take() ?? [],
            isWaiting: inheritance.source == .predecessor
        )
        descriptors = DescriptorShare(
            connections: Self.connections(of: configuration, maximumDescriptors, workers: count)
        )
        statuses = mailboxes.map { _ in WorkerStatus() }
        logs = try LogWriter(configuration.log, logger: logger)
        traces = TraceExporter(version: Release.version, logger: logger)
        health = EndpointHealth(logger: logger, send: Mailbox.sender(to: mailboxes))
        do throws(SystemError) {
            let sources = AdminSources(
                state: state,
                desk: try ReportDesk(workers: mailboxes),
                statuses: statuses,
                issuers: issuerStates,
                health: health,
                accessLog: logs.access.sink,
                auditLog: logs.audit.sink,
                traces: traces,
                descriptors: descriptors
            )
            admin = try AdminWorker(sources, logger: logger)
        } catch {
            throw .refused(error)
        }
    }

    /// Lets the workers have what a configuration leaves them.
    func shareDescriptors() {
        descriptors.change(
            connections: Self.connections(of: configuration, maximumDescriptors, workers: statuses.count)
        )
    }

    /// Connections of one worker for which there are descriptors.
    private static func connections(
        of configuration: GatewayConfiguration,
        _ descriptors: Int,
        workers: Int
    ) -> Int {
        let snapshot = configuration.snapshot
        let fetches = min(snapshot.issuers.count, KeyRefresher.maximumFetches)
        let names = hosts(of: snapshot).count { SocketAddress(host: $0, port: 0) == nil }
        // A look-up may ask two name servers.
        let lookUps = 2 * min(names, NameRefresher.maximumLookUps)
        // Each worker has a poller, a mailbox and its listeners, which an upgrade copies for the next process.
        let own = 2 + 2 * configuration.listeners.count
        let hasChecks = snapshot.routes.contains { $0.upstream.rules.check != nil }
        let checks = hasChecks ? EndpointHealth.maximumChecks : 0
        let admin = configuration.admin == nil ? 0 : AdminWorker.maximumConnections
        return (descriptors - reservedDescriptors - admin - fetches - lookUps - checks) / workers - own
    }

    private static func hosts(of snapshot: Snapshot) -> Set<String> {
        Set(snapshot.routes.flatMap { $0.upstream.endpoints.map(\.host) })
    }

    private static var coreCount: Int { max(sysconf(CInt(_SC_NPROCESSORS_ONLN)), 1) }

    /// Starts all threads.
    ///
    /// - Throws: What could not be opened; nothing is left listening then.
    public func start() throws(StartError) {
        let snapshot = configuration.snapshot
        let listeners = try sockets.take(configuration.listeners)
        closePassedSockets()
        let publication = publisher.publish(snapshot)
        do throws(SystemError) {
            let services = try startServices(publication)
            self.services = services
            state.noteLoaded(publication)
            try admin.adopt(configuration, listeners.first { $0.facts.purpose == .admin }, services)
            let own = listeners.filter { $0.facts.purpose == .routes }
            for index in mailboxes.indices { try startWorker(index, publication, own, services) }
            try logs.start()
        } catch {
            throw .refused(error)
        }
        configuration.tellWarnings(to: logger)
        AuditEvent(.started, [("configuration", snapshot.hash)]).leave(in: logs.audit.sink)
        for listener in configuration.listeners {
            logger.info("Listening.", metadata: ["address": "\(listener.address)"])
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

    private func startServices(_ publication: Publication) throws(SystemError) -> WorkerServices {
        let send = Mailbox.sender(to: mailboxes)
        let keys = try KeyRefresher(
            issuers: publication.snapshot.issuers,
            logger: logger,
            auditLog: logs.audit.sink,
            states: issuerStates,
            send: send
        )
        health.adopt(publication)
        let names = NameRefresher(
            hosts: publication.hosts,
            logger: logger,
            send: health.overhearing(send)
        )
        try keys.start()
        try names.start()
        try health.start()
        self.keys = keys
        self.names = names
        traces.adopt(publication.snapshot.traces)
        return WorkerServices(
            keys: keys,
            rates: RateTables(entries: publication.snapshot.limits.rateEntries),
            addresses: AddressTable(entries: publication.snapshot.limits.rateEntries),
            names: names,
            health: health,
            accessLog: logs.access.sink,
            auditLog: logs.audit.sink,
            spans: traces.sink,
            site: admin.site,
            logger: logger,
            subjectKey: subjectKey,
            descriptors: descriptors
        )
    }

    private func startWorker(
        _ index: Int,
        _ publication: Publication,
        _ listeners: [PublishedListener],
        _ services: WorkerServices
    ) throws(SystemError) {
        let handoff = Handoff((publication, listeners))
        let mailbox = mailboxes[index]
        let status = statuses[index]
        // The process before this one serves until it is told.
        let isWaiting = inheritance.source == .predecessor
        let logger = logger
        // What the worker begins with is to end before the thread does, hence in a call of its own.
        let makeWorker: @Sendable () throws(SystemError) -> Worker? = { () throws(SystemError) in
            guard let (publication, listeners) = handoff.take() else { return nil }
            return try Worker(
                publication: publication,
                listeners: listeners,
                index: index,
                isWaiting: isWaiting,
                mailbox: mailbox,
                services: services,
                status: status
            )
        }
        try Thread.start("audgate-\(index)") {
            do throws(SystemError) {
                try makeWorker()?.run()
            } catch {
                logger.critical("A worker could not start.", metadata: ["error": "\(error)"])
            }
            status.end()
        }
    }

    /// Serves until a signal ends the process or another takes its place: the first signal drains, the second ends at
    /// once.
    ///
    /// - Parameter origin: Where the configuration came from.
    public func run(from origin: ConfigurationOrigin) {
        var tickets = TicketSchedule(now: Clock.monotonicMilliseconds)
        var watch = FileWatch(origin.files)
        while true {
            let signal = signals.wait(milliseconds: min(lifecycle.patience, awaited.isEmpty ? 1000 : 20))
            if signal == .terminate {
                drain()
                return end()
            }
            switch lifecycle.turn(statuses, missing: missingKeys) {
            case .serve?: serve()
            case .leave?:
                _ = heedWhileDraining(signal)
                finish(isHandedOver: true)
                return end()
            case nil: break
            }
            switch signal {
            case .reload? where lifecycle.isUpgrading:
                refuse(ReloadRefusal("an upgrade is under way, which reads the configuration anew."))
            case .reload?: lifecycle.reload { watch = FileWatch(reload(from: origin)) }
            case .reopenLogs?: logs.reopen()
            case .upgrade?: upgrade()
            case nil:
                if configuration.watches, lifecycle.isSettled, watch.haveChanged() {
                    lifecycle.reload { watch = FileWatch(reload(from: origin)) }
                }
            case .terminate?: break
            }
            if tickets.isDue(now: Clock.monotonicMilliseconds) {
                for listener in configuration.listeners { listener.tls?.rotateTicketKeys() }
            }
            noteAdoption()
            publisher.forget(before: statuses.map(\.oldestGeneration).min() ?? 0)
            admin.forgetPast()
        }
    }

    private func upgrade() {
        let note = HandoverNote(
            sessionKey: inheritance.sessionKey,
            keyedIssuers: KeyedIssuers.digests(of: issuerStates.keyed)
        )
        lifecycle.upgrade(sockets.all, note: note, patience: limits.upgradeTimeout)
    }

    /// The issuers whose keys the process before this one has and this one has not.
    private func missingKeys() -> [String] {
        KeyedIssuers.missing(
            of: configuration.snapshot.issuers,
            known: issuerStates.keyed,
            wanted: inheritance.keyedIssuers
        )
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

    /// Lets go of the listening sockets: each closes with the last worker that has it.
    ///
    /// - Parameter isHandedOver: Whether the next process has them. Else the admin listener stays to the end, and says
    ///   that this process drains.
    func letGoOfSockets(isHandedOver: Bool) {
        sockets.letGo()
        if isHandedOver { admin.leave() }
    }

    private func end() {
        tell(.stop)
        admin.end()
        let deadline = Clock.monotonicMilliseconds + 2000
        while Clock.monotonicMilliseconds < deadline, !(statuses.allSatisfy(\.hasEnded) && admin.hasEnded) {
            Clock.sleep(milliseconds: 5)
        }
        AuditEvent(.ended).leave(in: logs.audit.sink)
        logs.finish(patience: 2000)
        traces.finish(patience: 5000)
        lifecycle.end()
        logger.notice("Ended.")
    }
}
