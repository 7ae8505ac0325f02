// What the process knows of itself: which configuration it serves, how the last reload went, whether it drains.

internal import Proxy
internal import Synchronization
internal import Transport

/// How a reload went.
struct ReloadOutcome: Sendable {
    /// When, in seconds since the Unix epoch.
    let time: Int
    /// Why nothing was reloaded; empty if it was.
    let problems: [ReloadRefusal.Problem]

    /// Whether the new configuration is served.
    var isLoaded: Bool { problems.isEmpty }
}

/// What is known at one moment.
struct OperationalFacts: Sendable {
    /// The configuration that is served, nil before the first.
    var publication: Publication?
    /// When it was loaded, in seconds since the Unix epoch.
    var loadedAt = 0
    /// The last reload, nil if there was none.
    var lastReload: ReloadOutcome?
    /// How often a reload was done.
    var loads = 0
    /// How often a reload was refused.
    var refusals = 0
    /// Whether the process is going down.
    var isDraining = false
}

/// Holds what is known: the main thread writes, the admin listener reads.
final class OperationalState: Sendable {
    private let facts = Mutex(OperationalFacts())

    /// What is known now.
    var now: OperationalFacts { facts.withLock { $0 } }

    /// Notes that a configuration is served: the first one, or another by a reload.
    func noteLoaded(_ publication: Publication) {
        let time = Clock.unixMicroseconds / 1_000_000
        facts.withLock { facts in
            if facts.publication != nil {
                facts.loads += 1
                facts.lastReload = ReloadOutcome(time: time, problems: [])
            }
            facts.publication = publication
            facts.loadedAt = time
        }
    }

    /// Notes that a reload changed nothing.
    func note(_ refusal: ReloadRefusal) {
        let time = Clock.unixMicroseconds / 1_000_000
        facts.withLock { facts in
            facts.refusals += 1
            facts.lastReload = ReloadOutcome(time: time, problems: refusal.problems)
        }
    }

    /// Notes that the process is going down.
    func noteDrain() {
        facts.withLock { $0.isDraining = true }
    }
}
