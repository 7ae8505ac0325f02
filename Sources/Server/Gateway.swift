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
    /// The system refused a thread or a descriptor.
    case refused(SystemError)

    /// What happened, for people.
    public var sentence: String {
        switch self {
        case .cannotListen(let address, let error): "Cannot listen on \(address): \(error.reason)."
        case .cannotLog(let path, let error): "Cannot write the access log to \(path): \(error.reason)."
        case .refused(let error): "The system refused a resource (\(error))."
        }
    }
}

/// A gateway that serves one configuration.
public final class Gateway {
    private var configuration: GatewayConfiguration
    private let logger: Logger
    private let level: LogLevel
    private let mailboxes: [Mailbox<WorkerMessage>]
    private let statuses: [WorkerStatus]
    private let logs: LogWriter
    private let traces: TraceExporter
    private let signals: Signals
    /// Most client connections of one worker for which the process has descriptors.
    private let maximumClients: Int
    /// Most connections of one worker to servers.
    private let maximumServers: Int
    /// The key of the hash under which subjects stand in logs.
    private let subjectKey = SecureRandom.bytes(count: 32)
    private var sockets: ListenerSockets
    private var publisher = Publisher()
    /// The generation that workers are still to take over, nil if they have.
    private var awaited: Int?
    private var keys: KeyRefresher?
    private var names: NameRefresher?

    /// Descriptors that are kept back for logs and what the system's libraries open.
    private static let reservedDescriptors = 32

    /// Takes the signals over and opens everything; nothing is served yet.
    ///
    /// Call it before any other thread is started, so that no other thread gets the signals.
    public init(_ configuration: GatewayConfiguration, logger: Logger, level: LogLevel) throws(StartError) {
        self.level = level
        self.configuration = configuration
        self.logger = logger
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
        sockets = ListenerSockets(workerCount: count)
        let share = Self.connections(of: configuration.snapshot, descriptors: descriptors, workers: count)
        maximumClients = max(share / 2, 4)
        maximumServers = max(share / 2, 4)
        statuses = mailboxes.map { _ in WorkerStatus() }
        logs = try LogWriter(configuration.log, logger: logger)
        traces = TraceExporter(version: Release.version, logger: logger)
    }

    /// Connections of one worker for which there are descriptors: half for clients, half for servers, as each client may
    /// need a connection to one.
    private static func connections(of snapshot: Snapshot, descriptors: Int, workers: Int) -> Int {
        let fetches = min(snapshot.issuers.count, KeyRefresher.maximumFetches)
        let names = hosts(of: snapshot).count { SocketAddress(host: $0, port: 0) == nil }
        // A look-up may ask two name servers.
        let lookUps = 2 * min(names, NameRefresher.maximumLookUps)
        // Each worker has a poller, a mailbox and its listeners.
        let own = 2 + snapshot.listeners.count
        return (descriptors - reservedDescriptors - fetches - lookUps) / workers - own
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
        let listeners = try sockets.take(snapshot.listeners)
        let publication = publisher.publish(snapshot)
        do throws(SystemError) {
            let services = try startServices(publication)
            for index in mailboxes.indices { try startWorker(index, publication, listeners, services) }
            try logs.start()
        } catch {
            throw .refused(error)
        }
        configuration.tellWarnings(to: logger)
        AuditEvent(.started, [("configuration", snapshot.hash)]).leave(in: logs.audit.sink)
        for listener in snapshot.listeners {
            logger.info("Listening.", metadata: ["address": "\(listener.address)"])
        }
    }

    private func startServices(_ publication: Publication) throws(SystemError) -> WorkerServices {
        let mailboxes = mailboxes
        let send: @Sendable (WorkerMessage) -> Void = { message in
            for mailbox in mailboxes { mailbox.send(message) }
        }
        let keys = try KeyRefresher(
            issuers: publication.snapshot.issuers,
            logger: logger,
            auditLog: logs.audit.sink,
            send: send
        )
        let names = NameRefresher(hosts: publication.hosts, logger: logger, send: send)
        try keys.start()
        try names.start()
        self.keys = keys
        self.names = names
        traces.adopt(publication.snapshot.traces)
        return WorkerServices(
            keys: keys,
            rates: RateTables(entries: publication.snapshot.limits.rateEntries),
            addresses: AddressTable(entries: publication.snapshot.limits.rateEntries),
            names: names,
            accessLog: logs.access.sink,
            auditLog: logs.audit.sink,
            spans: traces.sink,
            logger: logger,
            subjectKey: subjectKey,
            maximumClients: maximumClients,
            maximumServers: maximumServers
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
        let logger = logger
        // What the worker begins with is to end before the thread does, hence in a call of its own.
        let makeWorker: @Sendable () throws(SystemError) -> Worker? = { () throws(SystemError) in
            guard let (publication, listeners) = handoff.take() else { return nil }
            return try Worker(
                publication: publication,
                listeners: listeners,
                index: index,
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

    /// Serves until a signal ends the process: the first drains, the second ends at once.
    ///
    /// - Parameter origin: Where the configuration came from.
    public func run(from origin: ConfigurationOrigin) {
        var wasReady = false
        var tickets = TicketSchedule(now: Clock.monotonicMilliseconds)
        var watch = FileWatch(origin.files)
        while true {
            switch signals.wait(milliseconds: wasReady && awaited == nil ? 1000 : 20) {
            case .terminate?:
                drain()
                return end()
            case .reload?:
                watch = FileWatch(reload(from: origin))
            case .reopenLogs?:
                logs.reopen()
            case nil:
                if configuration.watches, watch.haveChanged() { watch = FileWatch(reload(from: origin)) }
            }
            if tickets.isDue(now: Clock.monotonicMilliseconds) {
                for listener in configuration.snapshot.listeners { listener.tls?.rotateTicketKeys() }
            }
            noteAdoption()
            publisher.forget(before: statuses.map(\.oldestGeneration).min() ?? 0)
            if !wasReady, statuses.allSatisfy(\.isReady) {
                wasReady = true
                logger.notice("Ready.", metadata: ["configuration": "\(configuration.snapshot.hash)"])
            }
        }
    }

    /// Loads the configuration anew and hands it to the workers: all of it, or nothing.
    ///
    /// - Returns: The files that were read for it.
    private func reload(from origin: ConfigurationOrigin) -> ReadFiles {
        let files = ReadFiles()
        do throws(ReloadRefusal) {
            try publish(try load(from: origin, noting: files))
        } catch {
            for problem in error.problems {
                logger.error("Nothing was reloaded: \(problem.sentence)", metadata: problem.metadata)
                AuditEvent(.reloadRefused, [("at", problem.place), ("problem", problem.sentence)])
                    .leave(in: logs.audit.sink)
            }
        }
        return files
    }

    private func load(
        from origin: ConfigurationOrigin,
        noting files: ReadFiles
    ) throws(ReloadRefusal) -> GatewayConfiguration {
        let new: GatewayConfiguration
        do throws(ConfigurationError) {
            new = try origin.load(configuration.legacy, files)
        } catch {
            throw ReloadRefusal(error)
        }
        if let obstacle = configuration.obstacle(to: new) { throw ReloadRefusal(obstacle) }
        return new
    }

    private func publish(_ new: GatewayConfiguration) throws(ReloadRefusal) {
        let listeners: [PublishedListener]
        do throws(StartError) {
            try logs.apply(new.log)
            listeners = try sockets.take(new.snapshot.listeners)
        } catch {
            try? logs.apply(configuration.log)
            throw ReloadRefusal(error.sentence)
        }
        configuration = new
        level.current = new.log.level.loggerLevel
        new.tellWarnings(to: logger)
        let publication = publisher.publish(new.snapshot)
        names?.follow(publication.hosts)
        traces.adopt(new.snapshot.traces)
        keys?.adopt(publication, listeners)
        awaited = publication.generation
    }

    /// Says that all workers have taken over what was published last, and for how long that held one of them up.
    private func noteAdoption() {
        guard let generation = awaited, statuses.allSatisfy({ $0.generation >= generation }) else { return }
        awaited = nil
        AuditEvent(.reloaded, [("configuration", configuration.snapshot.hash)]).leave(in: logs.audit.sink)
        let pause = statuses.map(\.adoptionPause).max() ?? 0
        logger.notice(
            "Reloaded.",
            metadata: ["configuration": "\(configuration.snapshot.hash)", "longest_pause_us": "\(pause)"]
        )
    }

    /// Stops accepting, and waits until the last exchange has ended, but not longer than `drain_timeout`.
    private func drain() {
        let deadline = Clock.monotonicMilliseconds + configuration.snapshot.limits.drainTimeout
        logger.notice("Draining.", metadata: ["connections": "\(statuses.reduce(0) { $0 + $1.clients })"])
        // The sockets close with the last worker that lets go of them.
        sockets = ListenerSockets(workerCount: mailboxes.count)
        for mailbox in mailboxes { mailbox.send(.drain) }
        while Clock.monotonicMilliseconds < deadline, !statuses.allSatisfy(\.hasDrained) {
            if signals.wait(milliseconds: 20) == .terminate { return }
        }
    }

    private func end() {
        for mailbox in mailboxes { mailbox.send(.stop) }
        let deadline = Clock.monotonicMilliseconds + 2000
        while Clock.monotonicMilliseconds < deadline, !statuses.allSatisfy(\.hasEnded) {
            Clock.sleep(milliseconds: 5)
        }
        AuditEvent(.ended).leave(in: logs.audit.sink)
        logs.flush()
        traces.finish(patience: 5000)
        logger.notice("Ended.")
    }
}
