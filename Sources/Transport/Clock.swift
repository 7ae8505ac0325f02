// Time from the kernel, read where loops turn and never inside an engine.

internal import Glibc

/// The two clocks that audgate uses.
public enum Clock {
    /// Milliseconds of a clock that only moves forward: for deadlines and durations.
    public static var monotonicMilliseconds: Int {
        let now = read(CLOCK_MONOTONIC)
        return now.tv_sec * 1000 + now.tv_nsec / 1_000_000
    }

    /// Microseconds of a clock that only moves forward: for durations in logs.
    public static var monotonicMicroseconds: Int {
        let now = read(CLOCK_MONOTONIC)
        return now.tv_sec * 1_000_000 + now.tv_nsec / 1000
    }

    /// Microseconds since the Unix epoch: for tokens and logs.
    public static var unixMicroseconds: Int {
        let now = read(CLOCK_REALTIME)
        return now.tv_sec * 1_000_000 + now.tv_nsec / 1000
    }

    private static func read(_ clock: clockid_t) -> timespec {
        var now = timespec()
        _ = unsafe clock_gettime(clock, &now)
        return now
    }
}
