// Keeps the keys of all issuers fresh, on a thread of its own; each fetch blocks a thread that does nothing else.

internal import Glibc
internal import JOSE
public import Logging
public import Policy
public import Transport

/// Fetches keys before they are needed, when they grow old, and when a token names one that is not known.
///
/// No issuer can hold up another: each fetch has its own thread, and there is one at a time for an issuer.
public final class KeyRefresher: Sendable {
    private enum Message: Sendable {
        case refresh(IssuerID)
        case fetched(serial: Int, Result<FetchedKeys, FetchError>)
        case adopt(Publication, [PublishedListener])
    }

    /// An issuer and its keys through time.
    private struct Entry {
        let issuer: Issuer
        /// Tells the entry from all others, through all configurations.
        let serial: Int
        var schedule: KeySchedule
        /// Why the last fetch that failed did so.
        var problem = ""
    }

    /// What the thread owns.
    private struct State {
        var entries: [Entry] = []
        var fetches = 0
        var serials = 0

        mutating func nextSerial() -> Int {
            serials += 1
            return serials
        }
    }

    /// Most fetches at a time.
    public static let maximumFetches = 64

    private let issuers: [Issuer]
    private let logger: Logger
    private let auditLog: LogSink
    private let send: @Sendable (WorkerMessage) -> Void
    private let states: IssuerStates
    private let mailbox: Mailbox<Message>

    /// Makes a refresher that has not begun.
    ///
    /// - Parameters:
    ///   - issuers: The issuers of the first configuration.
    ///   - logger: Is told of changes and failures.
    ///   - auditLog: Is told of changes.
    ///   - states: Where to say how the keys are.
    ///   - send: Takes a message to all workers.
    /// - Throws: `SystemError` when the system refuses a descriptor.
    public init(
        issuers: [Issuer],
        logger: Logger,
        auditLog: LogSink,
        states: IssuerStates = IssuerStates(),
        send: @escaping @Sendable (WorkerMessage) -> Void
    ) throws(SystemError) {
        self.issuers = issuers
        self.logger = logger
        self.auditLog = auditLog
        self.send = send
        self.states = states
        mailbox = try Mailbox()
    }

    /// Starts the thread, which fetches the keys of all issuers at once.
    public func start() throws(SystemError) {
        let poller = try Poller()
        try poller.watchLevel(mailbox.descriptor, token: 0)
        let box = PollerBox(poller)
        try Thread.start("audgate-keys") { self.run(box) }
    }

    /// Takes over the issuers of a new configuration, and sends it to all workers with the keys that are known: those of
    /// issuers that have not changed stay. What workers hear of keys before it is about the configuration before.
    public func adopt(_ publication: Publication, _ listeners: [PublishedListener]) {
        mailbox.send(.adopt(publication, listeners))
    }

    /// Asks for the keys of an issuer, because a token names one that is not known. Answered by a message, also when
    /// the hold-off forbids another fetch.
    func refresh(_ issuer: IssuerID) {
        mailbox.send(.refresh(issuer))
    }

    /// Seconds of the monotonic clock.
    private static var now: Int64 { Int64(Clock.monotonicMilliseconds / 1000) }

    private func run(_ poller: PollerBox) {
        var state = State()
        for issuer in issuers {
            let serial = state.nextSerial()
            state.entries.append(Entry(issuer: issuer, serial: serial, schedule: KeySchedule(issuer)))
        }
        while true {
            let now = Self.now
            let next = fetchDue(&state, now: now)
            states.replace(
                by: state.entries.map { IssuerState($0.issuer, $0.schedule, problem: $0.problem, now: now) }
            )
            poller.wait(milliseconds: Int(next - now) * 1000)
            for message in mailbox.takeAll() {
                switch message {
                case .refresh(let issuer): answer(issuer, &state)
                case .fetched(let serial, let result): adopt(result, of: serial, &state)
                case .adopt(let publication, let listeners):
                    send(.publication(publication, listeners, adopt(publication, &state)))
                }
            }
            dropExpired(&state, since: now)
        }
    }

    /// Begins the fetches that are due, and returns when the next will be.
    private func fetchDue(_ state: inout State, now: Int64) -> Int64 {
        var next = now + 3600
        for index in state.entries.indices {
            let schedule = state.entries[index].schedule
            if schedule.due <= now, !schedule.isFetching, state.fetches < Self.maximumFetches {
                fetch(index, &state)
            }
            guard !state.entries[index].schedule.isFetching else { continue }
            next = min(next, max(schedule.nextChange(now: now), now + 1))
        }
        return next
    }

    private func fetch(_ index: Int, _ state: inout State, isAsked: Bool = false) {
        state.fetches += 1
        state.entries[index].schedule.begin(isAsked: isAsked)
        let issuer = state.entries[index].issuer
        let serial = state.entries[index].serial
        do {
            try Thread.start("audgate-fetch") { [mailbox] in
                do throws(FetchError) {
                    mailbox.send(.fetched(serial: serial, .success(try KeyFetch.fetch(issuer))))
                } catch {
                    mailbox.send(.fetched(serial: serial, .failure(error)))
                }
            }
        } catch {
            mailbox.send(.fetched(serial: serial, .failure(FetchError(problem: "\(error)"))))
        }
    }

    private func answer(_ issuer: IssuerID, _ state: inout State) {
        // Asked under a configuration of before, for an issuer of then.
        guard issuer.index < state.entries.count else { return }
        let schedule = state.entries[issuer.index].schedule
        if schedule.mayFetch(now: Self.now), state.fetches < Self.maximumFetches {
            fetch(issuer.index, &state, isAsked: true)
        } else if !schedule.isFetching {
            send(.keys(issuer, schedule.state(now: Self.now)))
        }
    }

    private func adopt(
        _ result: Result<FetchedKeys, FetchError>,
        of serial: Int,
        _ state: inout State
    ) {
        state.fetches -= 1
        let now = Self.now
        guard let index = state.entries.firstIndex(where: { $0.serial == serial }) else { return }
        let issuer = state.entries[index].issuer
        switch result {
        case .success(let keys):
            let previous = state.entries[index].schedule.succeed(keys, now: now)
            if let current = state.entries[index].schedule.state(now: now).keySet, current !== previous {
                tell(issuer.name, current, previous)
            }
        case .failure(let error):
            if error.endsKeys, state.entries[index].schedule.state(now: now).keySet != nil {
                AuditEvent(.keysEnded, [("issuer", issuer.name), ("reason", error.problem)])
                    .leave(in: auditLog)
            }
            state.entries[index].schedule.fail(now: now, endsKeys: error.endsKeys)
            state.entries[index].problem = error.problem
            let age = state.entries[index].schedule.age(now: now)
            tell(issuer.name, error, age: age, maximumAge: issuer.keyMaximumAge)
        }
        send(.keys(IssuerID(index), state.entries[index].schedule.state(now: now)))
    }

    /// Takes over the issuers of a configuration, and returns what is known of their keys.
    private func adopt(_ publication: Publication, _ state: inout State) -> KeyRing {
        let now = Self.now
        var known: [String: Entry] = [:]
        for entry in state.entries { known[entry.issuer.name] = entry }
        // What has another name in the configuration now.
        let names = Set(publication.snapshot.issuers.map(\.name))
        var renamed = state.entries.filter { !names.contains($0.issuer.name) }
        var keys = KeyRing(count: publication.snapshot.issuers.count)
        state.entries = publication.snapshot.issuers.enumerated().map { index, issuer in
            var entry = Entry(issuer: issuer, serial: state.nextSerial(), schedule: KeySchedule(issuer))
            let old = known[issuer.name] ?? renamed.take { $0.issuer.hasKeysOf(issuer) }
            if let old, old.issuer.hasKeysOf(issuer) {
                entry = Entry(
                    issuer: issuer,
                    serial: old.serial,
                    schedule: old.schedule,
                    problem: old.problem
                )
                entry.schedule.follow(issuer)
                // Tokens that were verified by the rules of before are to be verified anew.
                if !old.issuer.hasRulesOf(issuer) { entry.schedule.renewKeySet() }
            }
            keys[IssuerID(index)] = entry.schedule.state(now: now)
            return entry
        }
        return keys
    }

    /// Takes keys away whose source was not heard of for too long.
    private func dropExpired(_ state: inout State, since before: Int64) {
        let now = Self.now
        for (index, entry) in state.entries.enumerated() {
            let keys = entry.schedule.state(now: now)
            guard keys.keySet == nil, entry.schedule.state(now: before).keySet != nil else { continue }
            logger.error("The keys are too old to be used.", metadata: ["issuer": "\(entry.issuer.name)"])
            AuditEvent(.keysEnded, [("issuer", entry.issuer.name), ("reason", "too old")])
                .leave(in: auditLog)
            send(.keys(IssuerID(index), keys))
        }
    }

    private func tell(_ name: String, _ current: KeySet, _ previous: KeySet?) {
        let added = current.keys.filter { previous?.contains($0) != true }
        let removed = previous?.keys.filter { !current.contains($0) } ?? []
        AuditEvent(
            .keysChanged,
            [
                ("issuer", name), ("added", Self.names(of: added)), ("removed", Self.names(of: removed)),
            ]
        ).leave(in: auditLog)
        logger.info(
            "The keys of an issuer have changed.",
            metadata: [
                "issuer": "\(name)", "keys": "\(current.keys.count)",
                "added": .array(added.map { "\($0.keyID ?? "without kid")" }),
                "removed": .array(removed.map { "\($0.keyID ?? "without kid")" }),
            ]
        )
        for key in current.skipped {
            logger.warning(
                "A key is skipped.",
                metadata: [
                    "issuer": "\(name)", "kid": "\(key.keyID ?? "")",
                    "reason": "\(key.refusal.reason.rawValue)",
                ]
            )
        }
    }

    private static func names(of keys: [VerificationKey]) -> String {
        keys.map { $0.keyID ?? "without kid" }.joined(separator: " ")
    }

    private func tell(_ name: String, _ error: FetchError, age: Int64?, maximumAge: Int) {
        var metadata: Logger.Metadata = ["issuer": "\(name)", "reason": "\(error.problem)"]
        if let age {
            metadata["age_seconds"] = "\(age)"
            metadata["used_until_age_seconds"] = "\(maximumAge)"
        }
        logger.warning(
            age == nil
                ? "The keys of an issuer cannot be fetched: its tokens are answered with 503."
                : "The keys of an issuer cannot be fetched: the old ones are used.",
            metadata: metadata
        )
    }
}

/// A poller on its way to the thread that will own it.
private final class PollerBox: @unchecked Sendable {
    private var poller: Poller

    // Made on one thread, used on one other thread, and never on both at a time.
    init(_ poller: consuming Poller) {
        self.poller = poller
    }

    func wait(milliseconds: Int) {
        _ = poller.wait(milliseconds: CInt(truncatingIfNeeded: milliseconds))
    }
}

extension Array {
    /// Takes the first element out for which `holds` is true.
    fileprivate mutating func take(where holds: (Element) -> Bool) -> Element? {
        firstIndex(where: holds).map { remove(at: $0) }
    }
}
