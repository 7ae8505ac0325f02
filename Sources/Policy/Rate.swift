// How often something may happen: a token bucket, of which one moment is all that is kept.

/// A bucket of `burst` turns, into which `count` turns come back in each `period`.
///
/// What is kept of a bucket is the moment at which it is full again, in nanoseconds of a clock that should not go back.
/// A turn moves that moment on; a bucket whose moment has passed is like one that was never used. If the clock jumps
/// back, the bucket is at worst empty; if it jumps ahead, at best full.
public struct Rate: Sendable, Equatable {
    /// Bounds of `count` and of `burst`.
    public static let counts = 1...1_000_000
    /// Bounds of `period`, in milliseconds. Together with `counts` they keep all moments far from the end of `Int`.
    public static let periods = 1000...3_600_000

    /// Turns that come back in a period.
    public let count: Int
    /// Milliseconds.
    public let period: Int
    /// Turns that a full bucket holds.
    public let burst: Int
    /// Nanoseconds until one turn has come back, rounded up.
    private let interval: Int

    /// Makes a rate; what is out of bounds becomes the nearest bound.
    ///
    /// - Parameters:
    ///   - count: Turns that come back in a period.
    ///   - period: Milliseconds.
    ///   - burst: Turns that a full bucket holds; as many as come back in a period, unless told otherwise.
    public init(count: Int, period: Int, burst: Int? = nil) {
        self.count = Self.counts.nearest(to: count)
        self.period = Self.periods.nearest(to: period)
        self.burst = Self.counts.nearest(to: burst ?? count)
        interval = (self.period * 1_000_000 + self.count - 1) / self.count
    }

    /// Nanoseconds until an empty bucket is full.
    private var depth: Int { interval * burst }

    /// Nanoseconds until the bucket that is full at `moment` holds `turns`; nil if it does. A bucket that never holds so
    /// many is waited for until it is full.
    func wait(for turns: Int = 1, _ moment: Int, now: Int) -> Int? {
        let lack = lack(moment, now: now)
        let excess = lack + cost(of: turns) - depth
        guard excess > 0 else { return nil }
        return min(excess, max(lack, 1))
    }

    /// Takes `turns` out of the bucket that is full at `moment`; nanoseconds to wait if it does not hold so many, and
    /// nothing is taken then.
    public func take(_ turns: Int = 1, from moment: inout Int, now: Int) -> Int? {
        if let wait = wait(for: turns, moment, now: now) {
            bound(&moment, now: now)
            return wait
        }
        moment = now + lack(moment, now: now) + cost(of: turns)
        return nil
    }

    /// Has a bucket that was emptied by a slower rate lack no more than all of what it holds by this one.
    func bound(_ moment: inout Int, now: Int) {
        moment = min(moment, now + depth)
    }

    /// Gives back what was taken.
    func giveBack(_ turns: Int, to moment: inout Int) {
        moment -= cost(of: turns)
    }

    /// Nanoseconds that the bucket lacks to be full.
    private func lack(_ moment: Int, now: Int) -> Int {
        min(max(moment - now, 0), depth)
    }

    /// Nanoseconds in which so many turns come back; more than the bucket holds are as good as one more than that.
    private func cost(of turns: Int) -> Int {
        min(turns, burst + 1) * interval
    }
}

extension ClosedRange<Int> {
    fileprivate func nearest(to value: Int) -> Int { Swift.min(Swift.max(value, lowerBound), upperBound) }
}
