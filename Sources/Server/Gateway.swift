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
    private let mailboxes: [Mailbox<WorkerMessage>]
    private let statuses: [WorkerStatus]
    private let accessLog: AccessLogWriter?
    private let signals: Signals
    /// Most client connections of one worker for which the process has descriptors.
    private let maximumClients: Int
    /// The key of the hash under which subjects stand in logs.
    private let subjectKey = SecureRandom.bytes(count: 32)
    private var sockets: ListenerSockets
    private var publisher = Publisher()
    private var keys: KeyRefresher?
    private var names: NameRefresher?
    private var health: EndpointHealth?

    /// Descriptors that are kept back for listeners, logs, pollers and the fetching of keys. What is left is divided
    /// by two, as each client may need a connection to a server.
    private static let reservedDescriptors = 64

    /// Takes the signals over and opens everything; nothing is served yet.
    ///
    /// Call it before any other thread is started, so that no other thread gets the signals.
    public init(_ configuration: GatewayConfiguration, logger: Logger) throws(StartError) {
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
        let publication = publisher.publish(snapshot, try sockets.take(snapshot.listeners))
        do throws(SystemError) {
            let services = try startServices(publication)
            for index in mailboxes.indices { try startWorker(index, publication, services) }
            try accessLog?.start()
        } catch {
            throw .refused(error)
        }
        for listener in snapshot.listeners {
            logger.info("Listening.", metadata: ["address": "\(listener.address)"])
        }
    }

    private func startServices(_ publication: Publication) throws(SystemError) -> WorkerServices {
        let mailboxes = mailboxes
        let send: @Sendable (WorkerMessage) -> Void = { message in
            for mailbox in mailboxes { mailbox.send(message) }
        }
        let keys = try KeyRefresher(issuers: publication.snapshot.issuers, logger: logger, send: send)
        let health = EndpointHealth(logger: logger, send: send)
        health.adopt(publication)
        let names = NameRefresher(hosts: publication.hosts, logger: logger) { message in
            if case .addresses(let host, let found, _) = message { health.follow(found, of: host) }
            send(message)
        }
        try keys.start()
        try names.start()
        try health.start()
        self.keys = keys
        self.names = names
        self.health = health
        return WorkerServices(
            keys: keys,
            names: names,
            health: health,
            accessLog: accessLog?.sink,
            logger: logger,
            subjectKey: subjectKey,
            maximumClients: maximumClients
        )
    }

    private func startWorker(
        _ index: Int,
        _ publication: Publication,
        _ services: WorkerServices
    ) throws(SystemError) {
        // The thread's closure lives as long as the thread; the publication is to end before.
        let handoff = Handoff(publication)
        let mailbox = mailboxes[index]
        let status = statuses[index]
        let logger = logger
        try Thread.start("audgate-\(index)") {
            do throws(SystemError) {
                guard let publication = handoff.take() else { return }
                let worker = try Worker(
                    publication: publication,
                    index: index,
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

    /// Serves until a signal ends the process: the first drains, the second ends at once.
    ///
    /// - Parameter reload: Loads the configuration anew, from where it came.
    public func run(reloadingWith reload: () throws(ConfigurationError) -> GatewayConfiguration) {
        var wasReady = false
        var tickets = TicketSchedule(now: Clock.monotonicMilliseconds)
        while true {
            switch signals.wait(milliseconds: wasReady ? 1000 : 50) {
            case .terminate?:
                drain()
                return end()
            case .reload?:
                self.reload(by: reload)
            case .reopenLogs?:
                accessLog?.reopen()
            case nil: break
            }
            if tickets.isDue(now: Clock.monotonicMilliseconds) {
                for listener in configuration.snapshot.listeners { listener.tls?.rotateTicketKeys() }
            }
            publisher.forget(before: statuses.map(\.oldestGeneration).min() ?? 0)
            if !wasReady, statuses.allSatisfy(\.isReady) {
                wasReady = true
                logger.notice("Ready.", metadata: ["configuration": "\(configuration.snapshot.hash)"])
            }
        }
    }

    /// Loads the configuration anew and hands it to the workers: all of it, or nothing.
    private func reload(by load: () throws(ConfigurationError) -> GatewayConfiguration) {
        do throws(ConfigurationError) {
            let new = try load()
            guard let reason = configuration.obstacle(to: new) else { return publish(new) }
            logger.error("Nothing was reloaded: \(reason)")
        } catch {
            for diagnostic in error.diagnostics where diagnostic.severity == .error {
                logger.error(
                    "Nothing was reloaded: \(diagnostic.problem) \(diagnostic.remedy)",
                    metadata: ["at": "\(diagnostic.file):\(diagnostic.line):\(diagnostic.column)"]
                )
            }
        }
    }

    private func publish(_ new: GatewayConfiguration) {
        let listeners: [PublishedListener]
        do throws(StartError) {
            listeners = try sockets.take(new.snapshot.listeners)
        } catch {
            return logger.error("Nothing was reloaded: \(error.sentence)")
        }
        configuration = new
        let publication = publisher.publish(new.snapshot, listeners)
        names?.follow(publication.hosts)
        health?.adopt(publication)
        keys?.adopt(publication)
        logger.notice("Reloaded.", metadata: ["configuration": "\(new.snapshot.hash)"])
    }

    /// Stops accepting, and waits until the last exchange has ended, but not longer than `drain_timeout`.
    private func drain() {
        let deadline = Clock.monotonicMilliseconds + configuration.snapshot.limits.drainTimeout
        logger.notice("Draining.", metadata: ["connections": "\(statuses.reduce(0) { $0 + $1.clients })"])
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
        accessLog?.flush()
        logger.notice("Ended.")
    }
}
