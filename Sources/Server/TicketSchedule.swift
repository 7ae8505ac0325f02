// When the keys of session tickets change.

/// Counts the hours: a ticket key is made anew each hour, and opens tickets for two more.
struct TicketSchedule {
    /// Milliseconds between two keys.
    static let period = 3_600_000

    private var due: Int

    /// Starts at `now`, in milliseconds of the monotonic clock.
    init(now: Int) {
        due = now + Self.period
    }

    /// Whether new keys are due; the next are a period later.
    mutating func isDue(now: Int) -> Bool {
        guard now >= due else { return false }
        due = now + Self.period
        return true
    }
}
