// When the keys of an issuer are fetched, and how long they are used: pure, with the time as an argument.

internal import JOSE
internal import Policy

/// The keys of one issuer through time. All times are seconds of the monotonic clock: a step of the wall clock neither
/// makes keys old nor keeps new ones away.
struct KeySchedule {
    /// Bounds of the time between two refreshes, in seconds.
    static let refreshBounds: ClosedRange<Int64> = 300...86_400
    /// Time between two refreshes if the source says nothing, in seconds.
    static let defaultRefresh: Int64 = 3600
    /// Time between two looks at a file, in seconds.
    static let fileRefresh: Int64 = 30
    /// Time after a fetch during which an unknown key causes no other one, in seconds.
    static let holdOff: Int64 = 10
    /// Longest time between two tries while the source is down, in seconds.
    static let longestRetry: Int64 = 60

    private let isFile: Bool
    private var maximumAge: Int64
    private var current: FetchedKeys?
    private var lastSuccess: Int64 = 0
    private var failures: Int64 = 0
    private var holdOffUntil: Int64 = 0
    private var isPending = true
    private var startsHoldOff = false
    /// When the next fetch is due.
    private(set) var due: Int64 = 0
    /// Whether a fetch is under way.
    private(set) var isFetching = false

    init(_ issuer: Issuer) {
        if case .file = issuer.keySource { isFile = true } else { isFile = false }
        maximumAge = Int64(issuer.keyMaximumAge)
    }

    /// Lets the keys count for as long as `issuer` says, which has its keys from the same place.
    mutating func follow(_ issuer: Issuer) {
        maximumAge = Int64(issuer.keyMaximumAge)
    }

    /// What workers may know at `now`.
    func state(now: Int64) -> IssuerKeys {
        IssuerKeys(
            keySet: hasExpired(now: now) ? nil : current?.keySet,
            isPending: isPending,
            isSourceDown: failures > 0,
            holdOffUntil: holdOffUntil
        )
    }

    /// When something changes by itself: a refresh falls due, or the keys become too old.
    func nextChange(now: Int64) -> Int64 {
        let expiry = lastSuccess + maximumAge
        return current != nil && expiry > now ? min(due, expiry) : due
    }

    private func hasExpired(now: Int64) -> Bool { now >= lastSuccess + maximumAge }

    /// Age of the keys in seconds, nil if there are none.
    func age(now: Int64) -> Int64? { current == nil ? nil : now - lastSuccess }

    /// Whether an unknown key is a reason to fetch at `now`.
    func mayFetch(now: Int64) -> Bool { !isFetching && now >= holdOffUntil }

    /// Notes that a fetch begins.
    ///
    /// - Parameter isAsked: Whether an unknown key is the reason, so that a hold-off follows.
    mutating func begin(isAsked: Bool = false) {
        isFetching = true
        startsHoldOff = isAsked
    }

    /// Takes over keys, and returns those that were used before.
    mutating func succeed(_ keys: FetchedKeys, now: Int64) -> KeySet? {
        let previous = current?.keySet
        // The same text keeps the same object, by which workers see that nothing has changed.
        if current?.text != keys.text { current = keys }
        lastSuccess = now
        failures = 0
        end(now: now)
        let age = keys.maximumAge.map { Int64($0) } ?? Self.defaultRefresh
        due =
            now
            + (isFile
                ? Self.fileRefresh
                : min(max(age, Self.refreshBounds.lowerBound), Self.refreshBounds.upperBound))
        return previous
    }

    /// Notes that a fetch brought no keys.
    ///
    /// - Parameters:
    ///   - now: The time.
    ///   - endsKeys: Whether the source said that there are none, so that the old ones end.
    mutating func fail(now: Int64, endsKeys: Bool = false) {
        if endsKeys { current = nil }
        failures = min(failures + 1, 10)
        end(now: now)
        due = now + min(5 << (failures - 1), Self.longestRetry)
    }

    /// Makes another object of the same keys, so that nothing counts any more that was verified with the one before.
    mutating func renewKeySet() {
        guard let keys = current else { return }
        current = (try? KeySet(keys.text.span)).map {
            FetchedKeys(text: keys.text, keySet: $0, maximumAge: keys.maximumAge)
        }
    }

    private mutating func end(now: Int64) {
        isFetching = false
        isPending = false
        if startsHoldOff { holdOffUntil = now + Self.holdOff }
    }
}
