// Whether a place at a server takes its share of the requests, as all workers are told.

/// How a place at a server stands. Times are milliseconds of the monotonic clock, which all threads share.
public enum Standing: Sendable, Equatable {
    /// It takes its share.
    case full
    /// Checks have found it dead: it takes nothing until they say otherwise.
    case down
    /// It takes nothing before `time`; then its share grows until `ramp` milliseconds later it is whole.
    case returning(at: Int, ramp: Int)

    /// The part of its share that the place takes, from 0 to 1.
    func share(now: Int) -> Double {
        switch self {
        case .full: 1
        case .down: 0
        case .returning(let time, let ramp):
            now < time ? 0 : now - time >= ramp ? 1 : Double(now - time) / Double(ramp)
        }
    }

    /// Whether requests have found it dead, and the time for another try has not come.
    func isEjected(now: Int) -> Bool {
        if case .returning(let time, _) = self { now < time } else { false }
    }
}
