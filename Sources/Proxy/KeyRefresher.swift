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
        case fetched(IssuerID, Result<FetchedKeys, FetchError>)
    }

    /// Most fetches at a time.
    public static let maximumFetches = 64

    private let issuers: [Issuer]
    private let logger: Logger
    private let publish: @Sendable (IssuerID, IssuerKeys) -> Void
    private let mailbox: Mailbox<Message>

    /// Makes a refresher that has not begun.
    ///
    /// - Parameters:
    ///   - issuers: The issuers of the configuration.
    ///   - logger: Is told of changes and failures.
    ///   - publish: Takes what is known of an issuer's keys to all workers.
    /// - Throws: `SystemError` when the system refuses a descriptor.
    public init(
        issuers: [Issuer],
        logger: Logger,
        publish: @escaping @Sendable (IssuerID, IssuerKeys) -> Void
    ) throws(SystemError) {
        self.issuers = issuers
        self.logger = logger
        self.publish = publish
        mailbox = try Mailbox()
    }

    /// Starts the thread, which fetches the keys of all issuers at once.
    public func start() throws(SystemError) {
        let poller = try Poller()
        try poller.watchLevel(mailbox.descriptor, token: 0)
        let box = PollerBox(poller)
        try Thread.start("audgate-keys") { self.run(box) }
    }

    /// Asks for the keys of an issuer, because a token names one that is not known. Answered by `publish`, also when
    /// the hold-off forbids another fetch.
    func refresh(_ issuer: IssuerID) {
        mailbox.send(.refresh(issuer))
    }

    private func run(_ poller: PollerBox) {
        var schedules = issuers.map { KeySchedule($0) }
        var fetches = 0
        while true {
            let now = Int64(Clock.unixMicroseconds / 1_000_000)
            var next = now + 3600
            for index in schedules.indices {
                let isDue = schedules[index].due <= now && !schedules[index].isFetching
                if isDue, fetches < Self.maximumFetches {
                    fetches += 1
                    fetch(IssuerID(index), &schedules[index])
                }
                if !schedules[index].isFetching {
                    next = min(next, max(schedules[index].nextChange(now: now), now + 1))
                }
            }
            poller.wait(milliseconds: Int(next - now) * 1000)
            for message in mailbox.takeAll() {
                switch message {
                case .refresh(let issuer):
                    answer(issuer, &schedules[issuer.index], &fetches)
                case .fetched(let issuer, let result):
                    fetches -= 1
                    adopt(result, of: issuer, &schedules[issuer.index])
                }
            }
            dropExpired(&schedules, since: now)
        }
    }

    private func fetch(_ id: IssuerID, _ schedule: inout KeySchedule, isAsked: Bool = false) {
        schedule.begin(isAsked: isAsked)
        let issuer = issuers[id.index]
        do {
            try Thread.start("audgate-fetch") { [mailbox] in
                do throws(FetchError) {
                    mailbox.send(.fetched(id, .success(try KeyFetch.fetch(issuer))))
                } catch {
                    mailbox.send(.fetched(id, .failure(error)))
                }
            }
        } catch {
            mailbox.send(.fetched(id, .failure(FetchError(problem: "\(error)"))))
        }
    }

    private func answer(_ issuer: IssuerID, _ schedule: inout KeySchedule, _ fetches: inout Int) {
        let now = Int64(Clock.unixMicroseconds / 1_000_000)
        if schedule.mayFetch(now: now), fetches < Self.maximumFetches {
            fetches += 1
            fetch(issuer, &schedule, isAsked: true)
        } else if !schedule.isFetching {
            publish(issuer, schedule.state(now: now))
        }
    }

    private func adopt(
        _ result: Result<FetchedKeys, FetchError>,
        of id: IssuerID,
        _ schedule: inout KeySchedule
    ) {
        let now = Int64(Clock.unixMicroseconds / 1_000_000)
        let name = issuers[id.index].name
        switch result {
        case .success(let keys):
            let previous = schedule.succeed(keys, now: now)
            if let current = schedule.state(now: now).keySet, current !== previous {
                tell(name, current, previous)
            }
        case .failure(let error):
            schedule.fail(now: now, endsKeys: error.endsKeys)
            tell(name, error, age: schedule.age(now: now), maximumAge: issuers[id.index].keyMaximumAge)
        }
        publish(id, schedule.state(now: now))
    }

    /// Takes keys away whose source was not heard of for too long.
    private func dropExpired(_ schedules: inout [KeySchedule], since before: Int64) {
        let now = Int64(Clock.unixMicroseconds / 1_000_000)
        for (index, schedule) in schedules.enumerated() {
            let state = schedule.state(now: now)
            guard state.keySet == nil, schedule.state(now: before).keySet != nil else { continue }
            logger.error("The keys are too old to be used.", metadata: ["issuer": "\(issuers[index].name)"])
            publish(IssuerID(index), state)
        }
    }

    private func tell(_ name: String, _ current: KeySet, _ previous: KeySet?) {
        let added = current.keys.filter { previous?.contains($0) != true }
        let removed = previous?.keys.filter { !current.contains($0) } ?? []
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
