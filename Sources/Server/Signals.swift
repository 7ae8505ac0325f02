// Signals as values, taken one after another by the main thread.

internal import Glibc

/// What an operator tells the process by a signal.
enum OperatorSignal {
    /// SIGTERM or SIGINT.
    case terminate
    /// SIGHUP.
    case reload
    /// SIGUSR1.
    case reopenLogs
    /// SIGUSR2.
    case upgrade
}

/// The signals that the process takes; they are blocked for all threads and waited for by one.
struct Signals {
    private var set = sigset_t()

    /// Blocks the signals for the calling thread and all that it starts, and ignores SIGPIPE.
    init() {
        unsafe sigemptyset(&set)
        for signal in [SIGTERM, SIGINT, SIGHUP, SIGUSR1, SIGUSR2] { unsafe sigaddset(&set, signal) }
        unsafe pthread_sigmask(SIG_BLOCK, &set, nil)
        // Writing to a log that nobody reads any more is an error to handle, not an end.
        signal(SIGPIPE, SIG_IGN)
        // So is a log that has grown to the limit of files.
        signal(SIGXFSZ, SIG_IGN)
    }

    /// Waits for a signal; nil after `milliseconds` without one. The end goes before all others, however many come.
    func wait(milliseconds: Int) -> OperatorSignal? {
        var ends = sigset_t()
        unsafe sigemptyset(&ends)
        for signal in [SIGTERM, SIGINT] { unsafe sigaddset(&ends, signal) }
        return Self.wait(for: ends, milliseconds: 0) ?? Self.wait(for: set, milliseconds: milliseconds)
    }

    private static func wait(for set: sigset_t, milliseconds: Int) -> OperatorSignal? {
        var set = set
        var patience = timespec(tv_sec: milliseconds / 1000, tv_nsec: milliseconds % 1000 * 1_000_000)
        switch unsafe sigtimedwait(&set, nil, &patience) {
        case SIGTERM, SIGINT: return .terminate
        case SIGHUP: return .reload
        case SIGUSR1: return .reopenLogs
        case SIGUSR2: return .upgrade
        default: return nil
        }
    }
}

/// The descriptors 0, 1 and 2.
public enum StandardDescriptors {
    /// Opens those that whoever started the process has closed, so that logs do not go into sockets that get their numbers.
    public static func open() {
        for descriptor in STDIN_FILENO...STDERR_FILENO where fcntl(descriptor, F_GETFD) < 0 {
            // The lowest number that is free is this one.
            _ = unsafe Glibc.open("/dev/null", O_RDWR)
        }
    }
}

/// The bound on open files.
enum DescriptorLimit {
    /// Raises the soft bound to the hard one, and returns it.
    static func raise() -> Int {
        var limit = rlimit()
        guard unsafe getrlimit(__rlimit_resource_t(RLIMIT_NOFILE.rawValue), &limit) == 0 else { return 1024 }
        limit.rlim_cur = limit.rlim_max
        _ = unsafe setrlimit(__rlimit_resource_t(RLIMIT_NOFILE.rawValue), &limit)
        return Int(clamping: limit.rlim_cur)
    }
}
