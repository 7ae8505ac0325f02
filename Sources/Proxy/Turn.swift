// How much of a round one connection may take.

internal import Transport

/// The turn of one connection in a round of the worker: so many receives, and little time. What a client sends may be a
/// large body, which is soon moved, or a thousand requests with bad tokens, for each of which there is something to do.
struct Turn {
    private static let receives = 8
    /// Microseconds after the first receive in which another may begin.
    private static let time = 250

    private var left = Self.receives
    private var end = 0

    /// Whether the connection may receive once more; else the others have their turn first.
    mutating func mayReceive() -> Bool {
        defer { left -= 1 }
        // Most connections need one receive, and no look at the clock.
        guard left < Self.receives else { return true }
        guard left > 0 else { return false }
        if left == Self.receives - 1 { end = Clock.monotonicMicroseconds + Self.time }
        return Clock.monotonicMicroseconds <= end
    }
}
