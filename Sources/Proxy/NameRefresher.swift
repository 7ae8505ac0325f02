// Finds the addresses of servers' names, and follows them when they change: never on a worker.

public import Logging
public import Transport
internal import Synchronization

/// Looks names up in the background; a name whose resolver is stuck delays nobody but itself.
public final class NameRefresher: Sendable {
    /// Milliseconds between two look-ups of a name.
    private static let refresh = 10_000
    /// Milliseconds between two look-ups of a name that has no addresses.
    private static let retry = 2_000
    /// Most look-ups at a time. Names that take long leave the others their turns, as those go first that wait longest.
    public static let maximumLookUps = 64

    private struct Entry {
        var isLookingUp = false
        var due = 0
        var problem: String?
    }

    private let entries: Mutex<[String: Entry]>
    private let logger: Logger
    private let resolve: Resolver
    private let send: @Sendable (WorkerMessage) -> Void

    /// Finds the addresses of a name; may block for as long as it likes.
    public typealias Resolver = @Sendable (String) throws(NameLookupError) -> [SocketAddress]

    /// Makes a refresher that has not begun.
    ///
    /// - Parameters:
    ///   - hosts: The names to follow; addresses are left out.
    ///   - logger: Is told of failures.
    ///   - resolve: Finds addresses: the system's resolver, unless told otherwise.
    ///   - send: Takes a message to all workers.
    public init(
        hosts: Set<String>,
        logger: Logger,
        resolve: @escaping Resolver = { (host) throws(NameLookupError) in
            try NameLookup.addresses(of: host, port: 0)
        },
        send: @escaping @Sendable (WorkerMessage) -> Void
    ) {
        entries = Mutex(Dictionary(uniqueKeysWithValues: Self.names(among: hosts).map { ($0, Entry()) }))
        self.logger = logger
        self.resolve = resolve
        self.send = send
    }

    private static func names(among hosts: Set<String>) -> Set<String> {
        hosts.filter { SocketAddress(host: $0, port: 0) == nil }
    }

    /// Follows these names from now on, and no others; what is known of those that stay is kept.
    public func follow(_ hosts: Set<String>) {
        let names = Self.names(among: hosts)
        entries.withLock { entries in
            entries = entries.filter { names.contains($0.key) }
            for name in names where entries[name] == nil { entries[name] = Entry() }
        }
    }

    /// Starts the look-ups.
    public func start() throws(SystemError) {
        try Thread.start("audgate-names") {
            while true {
                self.lookUpDue()
                Clock.sleep(milliseconds: 500)
            }
        }
    }

    /// Asks for a look-up as soon as possible.
    func lookUp(_ host: String) {
        entries.withLock { entries in
            let soon = Clock.monotonicMilliseconds + Self.retry
            if let due = entries[host]?.due, due > soon { entries[host]?.due = soon }
        }
    }

    private func lookUpDue() {
        let now = Clock.monotonicMilliseconds
        let due = entries.withLock { entries in
            let free = Self.maximumLookUps - entries.values.count { $0.isLookingUp }
            let due = entries.filter { !$0.value.isLookingUp && $0.value.due <= now }
                .sorted { $0.value.due < $1.value.due }.prefix(free).map(\.key)
            for host in due { entries[host]?.isLookingUp = true }
            return due
        }
        for host in due {
            do {
                try Thread.start("audgate-lookup") { self.lookUpNow(host) }
            } catch {
                end(host, problem: "\(error)")
            }
        }
    }

    private func lookUpNow(_ host: String) {
        do {
            let addresses = try resolve(host)
            end(host, problem: nil)
            send(.addresses(host: host, addresses, problem: ""))
        } catch {
            end(host, problem: error.reason)
            send(.addresses(host: host, [], problem: error.reason))
        }
    }

    private func end(_ host: String, problem: String?) {
        let isNews = entries.withLock { entries in
            guard let before = entries[host] else { return false }
            let due = Clock.monotonicMilliseconds + (problem == nil ? Self.refresh : Self.retry)
            entries[host] = Entry(isLookingUp: false, due: due, problem: problem)
            return problem != nil && before.problem != problem
        }
        guard isNews, let problem else { return }
        logger.warning("A name cannot be resolved.", metadata: ["host": "\(host)", "reason": "\(problem)"])
    }
}
