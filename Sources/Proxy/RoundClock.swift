// The time, read once in each round of a worker's loop; texts of it are made once a second.

internal import Bytes
internal import HTTP
internal import Transport

/// What time it is in this round.
final class RoundClock {
    /// Microseconds of the monotonic clock.
    private(set) var microseconds = 0
    /// Microseconds since the Unix epoch.
    private(set) var unixMicroseconds = 0
    /// The value of `Date`.
    private(set) var date = ""
    private var second = ""
    private var unixSecond = -1

    /// Reads the clocks.
    init() {
        refresh()
    }

    /// Milliseconds of the monotonic clock.
    var milliseconds: Int { microseconds / 1000 }

    /// Seconds since the Unix epoch.
    var unixSeconds: Int64 { Int64(unixSecond) }

    /// Reads the clocks anew.
    func refresh() {
        microseconds = Clock.monotonicMicroseconds
        unixMicroseconds = Clock.unixMicroseconds
        let now = unixMicroseconds / 1_000_000
        guard now != unixSecond else { return }
        unixSecond = now
        let time = CivilTime(unixSeconds: now)
        date = time.imfFixdate
        second = time.rfc3339Seconds
    }

    /// Appends the time to the millisecond, as RFC 3339 writes it.
    func appendTime(to buffer: inout ByteBuffer) {
        let millisecond = unixMicroseconds / 1000 % 1000
        buffer.append(second)
        buffer.append(millisecond < 10 ? ".00" : millisecond < 100 ? ".0" : ".")
        buffer.append(decimal: millisecond)
        buffer.append("Z")
    }
}

/// Numbers that nobody needs to guess: ids of requests and spans. Not for secrets.
struct IdentifierSource {
    private var state: UInt64

    /// Makes a source that starts at a random number.
    init(seed: UInt64) {
        state = seed
    }

    /// The next number (SplitMix64).
    mutating func next() -> UInt64 {
        state &+= 0x9E37_79B9_7F4A_7C15
        var mixed = state
        mixed = (mixed ^ (mixed >> 30)) &* 0xBF58_476D_1CE4_E5B9
        mixed = (mixed ^ (mixed >> 27)) &* 0x94D0_49BB_1331_11EB
        return mixed ^ (mixed >> 31)
    }
}
