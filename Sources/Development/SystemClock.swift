// The only place of the development setup that asks what time it is.

internal import Glibc

/// The clocks of the system.
enum SystemClock {
    /// Seconds since 1970.
    static var now: Int {
        read(CLOCK_REALTIME).tv_sec
    }

    /// Milliseconds on a clock that nobody sets.
    static var monotonicMilliseconds: Int {
        let time = read(CLOCK_MONOTONIC)
        return time.tv_sec * 1000 + time.tv_nsec / 1_000_000
    }

    private static func read(_ clock: clockid_t) -> timespec {
        var time = timespec()
        _ = unsafe clock_gettime(clock, &time)
        return time
    }
}
