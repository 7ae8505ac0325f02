// Times in classes: how many requests took how long.

/// The layout of a histogram in a row of counters: one counter for each class, then the sum of all times. Times are
/// microseconds.
public enum LatencyHistogram {
    /// The upper bounds of the classes; a last class holds what took longer.
    public static let bounds = [
        500, 1000, 2500, 5000, 10_000, 25_000, 50_000, 100_000, 250_000, 500_000, 1_000_000, 2_500_000,
        5_000_000, 10_000_000, 30_000_000, 60_000_000,
    ]

    /// Number of classes.
    public static let classes = bounds.count + 1

    /// Number of counters.
    public static let width = classes + 1

    /// Counts a time in the histogram that begins at `first`.
    static func count(_ microseconds: Int, in counters: inout MutableSpan<Int>, at first: Int) {
        counters[first + classNumber(of: microseconds)] &+= 1
        counters[first + classes] &+= microseconds
    }

    /// The class of a time. A bound belongs to the class below it.
    static func classNumber(of microseconds: Int) -> Int {
        var index = 0
        while index < bounds.count, microseconds > bounds[index] { index += 1 }
        return index
    }

    /// The time that `share` of all requests did not exceed, 0 if there were none. Within a class the times are taken to
    /// be spread evenly; of the last class nothing is known but its lower bound.
    public static func quantile(_ share: Double, of counts: ArraySlice<Int>) -> Int {
        let counts = counts.prefix(classes)
        let total = counts.reduce(0, +)
        guard total > 0 else { return 0 }
        let rank = share * Double(total)
        var below = 0
        for (index, count) in counts.enumerated() where count > 0 {
            guard Double(below + count) < rank else {
                let lower = index > 0 ? bounds[index - 1] : 0
                guard index < bounds.count else { return lower }
                let part = (rank - Double(below)) / Double(count)
                return lower + Int(part * Double(bounds[index] - lower))
            }
            below += count
        }
        return bounds[bounds.count - 1]
    }
}
