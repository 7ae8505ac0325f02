// What is known of one place at a server, out of checks and out of what requests met there.

internal import Policy

/// What is known of a place: an endpoint at one address. Pure: time and chance are arguments.
///
/// Two judges, each for itself. Checks say that a place is down, and that it is up again. Requests that fail in a row
/// have it ejected for a time; it comes back by itself, on probation: until a request has succeeded there, the next
/// failure is enough. Times grow while one ejection follows another.
struct PlaceHealth {
    /// What became of a place.
    enum Event: Equatable {
        /// Nobody has heard of it before, and it is there.
        case found
        /// Requests have failed there, and it takes none for so many milliseconds.
        case ejected(milliseconds: Int)
        /// Checks have failed.
        case fell
        /// It takes requests again.
        case returned
    }

    /// How a place is.
    enum State: String, Sendable {
        case unknown, up, ejected, down
    }

    /// Milliseconds after which a failure counts no more.
    private static let memory = 60_000

    private let rules: EndpointRules

    /// How it is.
    private(set) var state = State.unknown
    /// Since when, in milliseconds.
    private(set) var since: Int
    /// What went wrong last, empty if nothing has.
    private(set) var reason = ""
    /// Requests that failed in a row.
    private(set) var failures = 0
    private var lastFailure = 0
    private var ejectedUntil: Int?
    /// How long the last ejection was, and how many came close one after the other.
    private var ejection = (milliseconds: 0, count: 0)
    /// When the last ejection ended.
    private var returnedAt: Int?
    private var isOnProbation = false
    private var isDown = false
    /// Checks in a row that contradict what was found before.
    private var contradictions = 0
    /// Since when its share grows.
    private var growsFrom: Int?
    /// When the next check is due, in milliseconds.
    var nextCheck = 0
    /// Whether a check runs.
    var isBeingChecked = false

    init(_ rules: EndpointRules, now: Int) {
        self.rules = rules
        since = now
    }

    /// What the workers are to know.
    var standing: Standing {
        if isDown { return .down }
        guard let start = ejectedUntil ?? growsFrom else { return .full }
        return .returning(at: start, ramp: rules.slowStart)
    }

    /// A request has failed here: `chance`, from 0 to 1, keeps processes from coming back all at once.
    mutating func fail(_ reason: String, now: Int, chance: Double) -> Event? {
        if now - lastFailure > Self.memory { failures = 0 }
        failures += 1
        lastFailure = now
        self.reason = reason
        let enough = isOnProbation ? 1 : rules.ejection.failures
        guard rules.ejection.failures > 0, failures >= enough, ejectedUntil == nil, !isDown else {
            return nil
        }
        return eject(now: now, chance: chance)
    }

    private mutating func eject(now: Int, chance: Double) -> Event {
        let isRepeated = returnedAt.map { now - $0 < ejection.milliseconds + rules.slowStart } ?? false
        ejection.count = isRepeated ? min(ejection.count + 1, 20) : 0
        let longest = rules.ejection.maximumTime
        let time = min(rules.ejection.time << ejection.count, longest)
        // A tenth more or less.
        ejection.milliseconds = min(Int(Double(time) * (0.9 + 0.2 * chance)), longest)
        ejectedUntil = now + ejection.milliseconds
        enter(.ejected, now: now)
        return .ejected(milliseconds: ejection.milliseconds)
    }

    /// A request has succeeded here.
    mutating func succeed(now: Int) -> Event? {
        failures = 0
        guard ejectedUntil == nil else { return nil }
        isOnProbation = false
        guard state == .unknown else { return nil }
        enter(.up, now: now)
        return .found
    }

    /// A check has come out; `problem` says what was wrong, nil if nothing.
    mutating func judge(problem: String?, now: Int) -> Event? {
        guard let check = rules.check else { return nil }
        if let problem { reason = problem }
        guard (problem == nil) == isDown else {
            contradictions = 0
            guard problem == nil, state == .unknown else { return nil }
            enter(.up, now: now)
            return .found
        }
        contradictions += 1
        guard contradictions >= (isDown ? check.healthy : check.unhealthy) else { return nil }
        contradictions = 0
        isDown.toggle()
        if isDown {
            enter(.down, now: now)
            return .fell
        }
        // What was ejected before it fell has been away for long enough.
        ejectedUntil = nil
        return comeBack(at: now)
    }

    /// Time has passed: an ejection may be over.
    mutating func advance(to now: Int) -> Event? {
        guard let end = ejectedUntil, end <= now, !isDown else { return nil }
        ejectedUntil = nil
        returnedAt = end
        isOnProbation = true
        return comeBack(at: end)
    }

    private mutating func comeBack(at time: Int) -> Event {
        failures = 0
        growsFrom = time
        enter(.up, now: time)
        return .returned
    }

    private mutating func enter(_ state: State, now: Int) {
        self.state = state
        since = now
    }
}
