// One thread, its loop, and all that it owns.

internal import Bytes
internal import HTTP
internal import HTTP2
internal import JOSE
internal import MCP
public import Logging
internal import OpenSSL
public import Policy
public import Transport

/// What a worker shares with the rest of the process; everything in it is safe to use from any thread.
public struct WorkerServices: Sendable {
    /// Fetches keys.
    public let keys: KeyRefresher
    /// Knows whose the plain session ids are.
    public let sessions: SessionTable
    /// Counts requests.
    public let rates: RateTables
    /// Counts the connections of addresses.
    public var addresses: AddressTable
    /// Finds the addresses of names.
    public let names: NameRefresher
    /// Judges endpoints.
    public let health: EndpointHealth
    /// Knows where tasks are.
    public let tasks: TaskTable
    /// Takes the access log.
    public let accessLog: LogSink
    /// Takes the audit log.
    public let auditLog: LogSink
    /// Takes the spans of traced requests.
    public let spans: SpanSink
    /// Takes operational messages.
    public let logger: Logger
    /// Answers what arrives at admin listeners; nil if there are none.
    public let site: (any Site)?
    /// Key of the hash under which subjects stand in logs.
    public let subjectKey: [UInt8]
    /// The connections of one worker for which there are descriptors.
    public let descriptors: DescriptorShare

    /// Puts the services together.
    public init(
        keys: KeyRefresher,
        sessions: SessionTable = SessionTable(),
        rates: RateTables,
        addresses: AddressTable,
        names: NameRefresher,
        health: EndpointHealth,
        tasks: TaskTable = TaskTable(),
        accessLog: LogSink,
        auditLog: LogSink,
        spans: SpanSink = SpanSink(),
        site: (any Site)? = nil,
        logger: Logger,
        subjectKey: [UInt8],
        descriptors: DescriptorShare = DescriptorShare()
    ) {
        self.keys = keys
        self.sessions = sessions
        self.rates = rates
        self.addresses = addresses
        self.names = names
        self.health = health
        self.tasks = tasks
        self.accessLog = accessLog
        self.auditLog = auditLog
        self.spans = spans
        self.site = site
        self.logger = logger
        self.subjectKey = subjectKey
        self.descriptors = descriptors
    }
}

/// A worker: it owns every connection, timer, pool and cache of its thread, and shares nothing of them.
public final class Worker {
    /// Bytes that one receive takes at most.
    static let receiveSize = 64 * 1024
    /// Events that are served before what is due is sent.
    private static let eventsBetweenSends = 32
    /// Entries of the wheel with which nobody minds those that count no more.
    private static let leastPruned = 65_536

    /// The configuration for what begins now.
    var generation: Generation
    /// Configurations of before that exchanges still work with.
    var olderGenerations: [Generation] = []
    let services: WorkerServices
    let status: WorkerStatus
    /// Which of the workers this is.
    let index: Int
    let mailbox: Mailbox<WorkerMessage>

    var poller: Poller
    let timers: TimerWheel
    let clock = RoundClock()
    let connections = ConnectionTable()
    /// Where connections are taken from; none while draining.
    var gates: [Gate]
    var tokens: TokenCache
    /// What was counted so far.
    let counters = WorkerCounters()
    /// Endpoints with counters that nobody was told of.
    var changedTallies: [EndpointTally] = []
    var pool: UpstreamPool
    var identifiers: IdentifierSource
    /// Memory for what the connection that is being served receives; on loan while one is.
    private var input = ByteBuffer()
    /// Memory for what is to be sent; on loan until it has been sent.
    var outputs = InlineArray<64, ByteBuffer> { _ in ByteBuffer() }
    /// How many of them are not on loan.
    var spareOutputs = 0
    /// Connections to come back to in the next round, without waiting for an event.
    var queued: [ConnectionID] = []
    /// Connections of HTTP/2 that have something to send before this round ends: one send for all of their streams.
    var dueConnections: [HTTP2Connection] = []
    /// Connections of HTTP/1.1 to servers with a request to send before this round ends.
    var dueUpstreams: [UpstreamStream] = []
    /// Connections of HTTP/1.1 of clients with an answer to send before this round ends.
    var dueClients: [ClientStream] = []
    /// Memory for ciphertext, which all connections share.
    let ciphertext = CiphertextMemory()
    /// Memory for what is read of one message.
    var envelope = Envelope()
    /// Memory for the fields of one head of HTTP/2.
    var fields = FieldBlock()
    /// Exchanges for reuse.
    var spareExchanges: [Exchange] = []
    /// Exchanges that wait for keys or addresses.
    var parked = WaitingStreams()
    /// Client streams whose exchanges wait for room at an endpoint, by their tickets.
    var tickets: [UInt64: ConnectionID] = [:]
    /// The last ticket that was given.
    var lastTicket: UInt64 = 0
    /// Memory for large bodies.
    var bodyMemory = BodyMemory()
    /// Bytes that are set aside for what is held whole.
    var reservedBytes = 0
    /// Client streams whose exchanges wait for memory, those that wait longest first.
    var awaitingMemory = WaitingStreams()
    /// Number of requests that were taken in and are not over.
    var requests = 0
    /// Lines of this round for the access log.
    var accessLines = LogLines()
    /// Lines of this round for the audit log.
    var auditLines = LogLines()
    /// Spans of this round.
    var spans = SpanLines()
    /// When to accept again after a pause, in milliseconds; nil while accepting.
    var acceptsAgainAt: Int?
    /// When a pause is worth another message, in milliseconds.
    var saysPauseFrom = 0
    /// Whether load balancers are told to send their traffic elsewhere.
    var isWithdrawn = false
    /// Whether connections are left in the kernel's queues until another process lets go.
    var isWaiting = false
    var isDraining = false
    /// Whether all keys have been asked for once.
    var hasStarted = false
    /// Whether idle connections keep their time while this worker drains.
    var givesIdleTime = false
    /// With how many entries the wheel is looked through.
    private var prunesTimersAt = leastPruned
    private var isStopped = false
    private var due: [UInt64] = []

    /// Makes the worker; it is to be run on the thread that made it.
    ///
    /// - Parameters:
    ///   - publication: The configuration.
    ///   - listeners: Its listeners, with this worker's sockets.
    ///   - index: Which of the workers this is.
    ///   - isWaiting: Whether connections are left in the kernel's queues until the message `accept` comes.
    ///   - mailbox: Where other threads reach it.
    ///   - services: What it shares.
    ///   - status: Where it says how it is.
    /// - Throws: `SystemError` when the system refuses an epoll instance.
    public init(
        publication: Publication,
        listeners: [PublishedListener],
        index: Int,
        isWaiting: Bool = false,
        mailbox: Mailbox<WorkerMessage>,
        services: WorkerServices,
        status: WorkerStatus
    ) throws(SystemError) {
        generation = Generation(publication, keys: KeyRing(count: publication.snapshot.issuers.count))
        self.index = index
        self.services = services
        self.status = status
        self.mailbox = mailbox
        poller = try Poller()
        timers = TimerWheel(now: Clock.monotonicMilliseconds)
        tokens = TokenCache(
            capacity: publication.snapshot.limits.tokens,
            subjectKey: services.subjectKey.span
        )
        identifiers = IdentifierSource(seed: SecureRandom.number())
        pool = UpstreamPool(health: services.health, seed: SecureRandom.number())
        _ = pool.adopt(publication)
        gates = listeners.flatMap { $0.gates(ofWorker: index) }
        try poller.watchLevel(mailbox.descriptor, token: Self.mailboxToken)
        self.isWaiting = isWaiting
        if !isWaiting { try watch(gates) }
    }

    /// The configuration for what begins now.
    var snapshot: Snapshot { generation.snapshot }

    static let mailboxToken = UInt64.max
    static let listenerToken = UInt64(0xFFFF_FFFF) << 32

    /// Serves until a message says to stop.
    public func run() {
        while !isStopped { turn(milliseconds: patience()) }
        closeEverything()
        handOverLines()
    }

    /// One round of the loop, which waits for events for at most `milliseconds`.
    func turn(milliseconds: Int) {
        let count = poller.wait(milliseconds: CInt(truncatingIfNeeded: milliseconds))
        clock.refresh()
        for index in 0..<count {
            // Who was served first does not wait for all of a long round.
            if index > 0, index.isMultiple(of: Self.eventsBetweenSends) { flushDue() }
            dispatch(poller.event(at: index))
        }
        serveQueued()
        expireDeadlines()
        flushDue()
        handOverLines()
        forgetGenerations()
        bodyMemory.expire(now: clock.milliseconds)
        noteStatus()
    }

    /// Milliseconds that the poller may wait: none while connections are queued, else until the next deadline.
    private func patience() -> Int {
        guard queued.isEmpty else { return 0 }
        let delay = timers.delay(from: Clock.monotonicMilliseconds)
        // At least once a second, so that the health of the loop can be seen.
        return delay < 0 ? 1000 : min(delay, 1000)
    }

    private func dispatch(_ event: ReadinessEvent) {
        if event.token == Self.mailboxToken { return readMessages() }
        if event.token >= Self.listenerToken { return accept(from: CInt(event.token - Self.listenerToken)) }
        switch connections[ConnectionID(token: event.token)] {
        case .arrival(let arrival): serve(arrival, event)
        case .client(let client): serve(client, event)
        case .opening(let opening): serve(opening, event)
        case .upstream(let upstream): serve(upstream, event)
        case .http2(let connection): serve(connection, event)
        case .vacant: break
        }
    }

    /// Whether this worker can take traffic: the first fetch of every issuer's keys has succeeded or failed. Issuers that
    /// come later are waited for by their own requests.
    var isReady: Bool { hasStarted && !isWithdrawn }

    private func readMessages() {
        for message in mailbox.takeAll() {
            switch message {
            case .keys(let issuer, let state): adopt(state, for: issuer)
            case .publication(let publication, let listeners, let keys):
                adopt(publication, listeners, keys: keys)
            case .addresses(let host, let found, let problem): adopt(found, of: host, problem: problem)
            case .standing(let endpoint, let address, let standing): note(standing, of: endpoint, at: address)
            case .slot(let slot, let ticket): adopt(slot, for: ticket)
            case .spare(let endpoint): giveUpIdle(at: endpoint)
            case .report(let reader): reader.send(report())
            case .accept: if !isDraining { beginAccepting() }
            case .announceDrain: isWithdrawn = true
            case .drain(let isHandedOver): drain(isHandedOver: isHandedOver)
            case .stop: isStopped = true
            }
        }
    }

    /// Serves the connections that were left with something to do; what they queue anew waits for the next round.
    private func serveQueued() {
        guard !queued.isEmpty else { return }
        let now = queued
        queued.removeAll(keepingCapacity: true)
        for id in now {
            switch connections[id] {
            case .client(let client):
                client.isQueued = false
                resume(client)
            case .upstream(let upstream):
                upstream.isQueued = false
                receive(upstream)
            case .http2(let connection):
                connection.isQueued = false
                receive(connection)
            case .arrival, .opening, .vacant: break
            }
        }
    }

    private func expireDeadlines() {
        if timers.count >= prunesTimersAt { pruneTimers() }
        timers.advance(to: clock.milliseconds, due: &due)
        for token in due {
            let id = ConnectionID(token: token)
            switch connections[id] {
            case .arrival(let arrival): if hasPassed(arrival.deadline, id) { discard(arrival) }
            case .client(let client): if hasPassed(client.deadline, id) { expire(client) }
            case .opening(let opening): if hasPassed(opening.deadline, id) { expire(opening) }
            case .upstream(let upstream): if hasPassed(upstream.deadline, id) { expire(upstream) }
            case .http2(let connection): if hasPassed(connection.deadline, id) { expire(connection) }
            case .vacant: break
            }
        }
        due.removeAll(keepingCapacity: true)
        if let again = acceptsAgainAt, again <= clock.milliseconds { acceptAgain() }
    }

    /// Takes out of the wheel what nobody waits for any more, so that it grows with what there is and not with what was.
    private func pruneTimers() {
        timers.prune { token, due in
            switch connections[ConnectionID(token: token)] {
            case .arrival(let arrival): arrival.deadline.awaits(due)
            case .client(let client): client.deadline.awaits(due)
            case .opening(let opening): opening.deadline.awaits(due)
            case .upstream(let upstream): upstream.deadline.awaits(due)
            case .http2(let connection): connection.deadline.awaits(due)
            case .vacant: token == Self.mailboxToken
            }
        }
        prunesTimersAt = max(2 * timers.count, Self.leastPruned)
    }

    private func hasPassed(_ deadline: Deadline, _ id: ConnectionID) -> Bool {
        deadline.hasPassed(now: clock.milliseconds, for: id, in: timers)
    }

    private func noteStatus() {
        status.update(
            clients: connections.clients,
            isReady: isReady,
            isDraining: isDraining,
            oldestGeneration: (olderGenerations.first ?? generation).number,
            round: clock.milliseconds
        )
    }

    /// Lends the worker's input memory to `body`, empty. Only one connection is served at a time.
    func withInput(_ body: (inout ByteBuffer) -> Void) {
        var loan = ByteBuffer()
        swap(&loan, &input)
        body(&loan)
        loan.removeAll()
        swap(&loan, &input)
    }

    func handOverLines() {
        accessLines.leave(in: services.accessLog)
        auditLines.leave(in: services.auditLog)
        handOverSpans()
    }

    /// Comes back to a connection in the next round.
    func queue(_ client: ClientStream) {
        guard !client.isQueued else { return }
        client.isQueued = true
        queued.append(client.id)
    }

    /// Comes back to a connection in the next round.
    func queue(_ connection: HTTP2Connection) {
        guard !connection.isQueued else { return }
        connection.isQueued = true
        queued.append(connection.id)
    }

    /// Comes back to a connection in the next round.
    func queue(_ upstream: UpstreamStream) {
        guard !upstream.isQueued else { return }
        upstream.isQueued = true
        queued.append(upstream.id)
    }
}
