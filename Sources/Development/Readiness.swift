// Waiting for a socket, on a thread that has nothing else to do.

internal import Glibc

/// What a thread waits for.
enum Readiness {
    /// Bytes, a connection or an end can be taken.
    case readable
    /// Bytes can be given.
    case writable
    /// The other side has gone.
    case hungUp

    /// `POLLRDHUP` of Linux, which the C library shows to GNU programs only.
    private static let peerHangUp: Int32 = 0x2000

    /// Waits until `descriptor` is in this state or dead.
    ///
    /// - Returns: Whether it is; false after `milliseconds`.
    static func wait(for readiness: Readiness, on descriptor: CInt, milliseconds: Int) -> Bool {
        let events =
            switch readiness {
            case .readable: POLLIN
            case .writable: POLLOUT
            case .hungUp: peerHangUp
            }
        var state = pollfd(fd: descriptor, events: Int16(events), revents: 0)
        return unsafe poll(&state, 1, CInt(clamping: milliseconds)) > 0
    }
}
