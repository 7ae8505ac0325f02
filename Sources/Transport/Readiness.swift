// Waiting for one descriptor, for threads that have nothing else to do.

internal import Glibc

/// What a thread may wait for.
public enum Readiness: Sendable {
    /// Something to receive.
    case reading
    /// Room to send.
    case writing

    /// Blocks until `descriptor` is ready, or broken; false if `deadline`, in milliseconds of the monotonic clock,
    /// passed first.
    func wait(for descriptor: CInt, until deadline: Int) -> Bool {
        var entry = pollfd(
            fd: descriptor,
            events: Int16(self == .reading ? POLLIN : POLLOUT),
            revents: 0
        )
        while true {
            let left = deadline - Clock.monotonicMilliseconds
            guard left > 0 else { return false }
            let count = unsafe poll(&entry, 1, CInt(truncatingIfNeeded: min(left, 3_600_000)))
            if count > 0 { return true }
            if count < 0, errno != EINTR { return true }
        }
    }
}

extension Socket {
    /// Blocks until the socket is ready, or broken.
    ///
    /// - Parameters:
    ///   - readiness: What to wait for.
    ///   - deadline: Milliseconds of the monotonic clock.
    /// - Returns: False if the deadline passed first.
    public func wait(for readiness: Readiness, until deadline: Int) -> Bool {
        readiness.wait(for: descriptor, until: deadline)
    }
}
