// The worker of the admin listener: a thread of its own, so that whoever asks how the workers are does not stop one.

internal import Configuration
internal import JOSE
internal import HTTP
internal import Logging
internal import Policy
internal import Proxy
internal import Synchronization
internal import Transport

/// Serves the admin listener by a worker that has nothing else.
///
/// TLS, both versions of HTTP, limits and deadlines are those of the data path. The thread begins with the first
/// configuration that has an admin listener.
final class AdminWorker {
    /// Most connections at a time.
    static let maximumConnections = 64
    /// Most streams of one connection: with those of one address there is room for the requests of another.
    private static let streamsPerConnection = 4
    /// Most requests whose answers are not read yet.
    private static let maximumRequests = 128
    /// Most connections of one address: nobody alone can keep probes and people out.
    private static let connectionsPerAddress = 16
    /// Longest time before a request and between two on a connection, in milliseconds.
    private static let idleTimeout = 10_000

    let site: AdminSite
    private let mailbox: Mailbox<WorkerMessage>
    private let status = WorkerStatus()
    private let logger: Logger
    private var publisher = Publisher()
    private var hasStarted = false

    /// Makes a worker that does not run yet.
    ///
    /// - Throws: `SystemError` when the system refuses a descriptor.
    init(_ sources: AdminSources, logger: Logger) throws(SystemError) {
        site = AdminSite(sources)
        mailbox = try Mailbox()
        self.logger = logger
    }

    /// Takes over a configuration.
    ///
    /// - Parameters:
    ///   - configuration: The configuration.
    ///   - listener: Its admin listener with the socket, nil if it has none.
    ///   - services: What the worker shares with others; counts the first time.
    /// - Throws: `SystemError` when the system refuses the thread.
    func adopt(
        _ configuration: GatewayConfiguration,
        _ listener: PublishedListener?,
        _ services: WorkerServices?
    ) throws(SystemError) {
        site.adopt(configuration.admin)
        guard hasStarted || listener != nil else { return }
        var limits = configuration.snapshot.limits
        limits.connections = min(limits.connections, Self.maximumConnections)
        limits.http2.streams = min(limits.http2.streams, Self.streamsPerConnection)
        limits.requests = Self.maximumRequests
        limits.connectionsPerAddress = Self.connectionsPerAddress
        limits.idleTimeout = min(limits.idleTimeout, Self.idleTimeout)
        limits.tokens = 1
        let snapshot = Snapshot(
            hash: configuration.snapshot.hash,
            listeners: listener.map { [$0.facts] } ?? [],
            issuers: [],
            routes: [],
            limits: limits
        )
        let publication = publisher.publish(snapshot)
        let listeners = listener.map { [$0] } ?? []
        if hasStarted {
            mailbox.send(.publication(publication, listeners, KeyRing(count: 0)))
        } else if let services {
            hasStarted = true
            try start(publication, listeners, services)
        }
    }

    /// Lets go of configurations that the worker has nothing of any more, and so of their sockets.
    func forgetPast() {
        publisher.forget(before: status.oldestGeneration)
    }

    private func start(
        _ publication: Publication,
        _ listeners: [PublishedListener],
        _ services: WorkerServices
    ) throws(SystemError) {
        let handoff = Handoff((publication, listeners))
        let (mailbox, status, logger) = (mailbox, status, logger)
        var services = services
        // Whoever has many connections to the other listeners may have the address that probes come from.
        services.addresses = AddressTable(entries: Self.maximumConnections)
        // What the worker begins with is to end before the thread does, hence in a call of its own.
        let makeWorker: @Sendable () throws(SystemError) -> Worker? = { [services] () throws(SystemError) in
            guard let (publication, listeners) = handoff.take() else { return nil }
            return try Worker(
                publication: publication,
                listeners: listeners,
                index: 0,
                mailbox: mailbox,
                services: services,
                status: status
            )
        }
        try Thread.start("audgate-admin") {
            do throws(SystemError) {
                try makeWorker()?.run()
            } catch {
                logger.critical("The admin worker could not start.", metadata: ["error": "\(error)"])
            }
            status.end()
        }
    }

    /// Lets go of the listener, which another process has now.
    func leave() {
        mailbox.send(.drain(isHandedOver: true))
    }

    /// Ends the worker.
    func end() {
        mailbox.send(.stop)
    }

    /// Whether the worker has ended, or never ran.
    var hasEnded: Bool { !hasStarted || status.hasEnded }
}
