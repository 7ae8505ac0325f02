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
    private let configuration: GatewayConfiguration
    private let logger: Logger
    private let mailboxes: [Mailbox<WorkerMessage>]
    private let statuses: [WorkerStatus]
    private let accessLog: AccessLogWriter?
    private let signals: Signals
    /// Most client connections of one worker for which the process has descriptors.
    private let maximumClients: Int
    /// Most connections of one worker to servers.
    private let maximumServers: Int
    /// The listeners with their certificates of now.
    private var listeners: [Listener]

    /// Descriptors that are kept back for logs and what the system's libraries open.
    private static let reservedDescriptors = 32

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
        listeners = configuration.snapshot.listeners
        let share = Self.connections(of: configuration.snapshot, descriptors: descriptors, workers: count)
        maximumClients = max(share / 2, 4)
        maximumServers = max(share / 2, 4)
        statuses = mailboxes.map { _ in WorkerStatus() }
        accessLog = try AccessLogWriter.open(configuration.log.access, logger: logger)
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
        var sockets = try snapshot.listeners.map { (listener) throws(StartError) in
            try openSockets(listener.address)
        }
        do throws(SystemError) {
            let services = try startServices(snapshot)
            for index in mailboxes.indices {
                let own = sockets.indices.map { sockets[$0].removeLast() }
                try startWorker(index, own, services)
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
            return try ListeningSocket.open(address, count: mailboxes.count)
        } catch {
            throw .cannotListen(address: text, error)
        }
    }

    private func startServices(_ snapshot: Snapshot) throws(SystemError) -> WorkerServices {
        let mailboxes = mailboxes
        let keys = try KeyRefresher(issuers: snapshot.issuers, logger: logger) { issuer, state in
            for mailbox in mailboxes { mailbox.send(.keys(issuer, state)) }
        }
        let names = NameRefresher(hosts: Self.hosts(of: snapshot), logger: logger) {
            host,
            addresses,
            problem in
            for mailbox in mailboxes { mailbox.send(.addresses(host: host, addresses, problem: problem)) }
        }
        try keys.start()
        try names.start()
        return WorkerServices(
            keys: keys,
            rates: RateTables(entries: snapshot.limits.rateEntries),
            addresses: AddressTable(entries: snapshot.limits.rateEntries),
            names: names,
            accessLog: accessLog?.sink,
            logger: logger,
            subjectKey: SecureRandom.bytes(count: 32),
            maximumClients: maximumClients,
            maximumServers: maximumServers
        )
    }

    private func startWorker(
        _ index: Int,
        _ sockets: [ListeningSocketBox],
        _ services: WorkerServices
    ) throws(SystemError) {
        let snapshot = configuration.snapshot
        // The thread's closure lives as long as the thread; the sockets are to close when the worker lets go of them.
        let handoff = Handoff(sockets)
        let mailbox = mailboxes[index]
        let status = statuses[index]
        let logger = logger
        try Thread.start("audgate-\(index)") {
            do throws(SystemError) {
                let worker = try Worker(
                    snapshot: snapshot,
                    listeners: handoff.take() ?? [],
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
            switch signals.wait(milliseconds: wasReady ? 60_000 : 50) {
            case .terminate?:
                drain()
                return end()
            case .reload?:
                takeCertificates(from: reload)
            case .reopenLogs?:
                accessLog?.reopen()
            case nil: break
            }
            if tickets.isDue(now: Clock.monotonicMilliseconds) {
                for listener in listeners { listener.tls?.rotateTicketKeys() }
            }
            if !wasReady, statuses.allSatisfy(\.isReady) {
                wasReady = true
                logger.notice("Ready.", metadata: ["configuration": "\(configuration.snapshot.hash)"])
            }
        }
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
            for mailbox in mailboxes { mailbox.send(.listeners(listeners)) }
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
