// Starting another program, with chosen descriptors and nothing else of this process.

internal import CLinux
internal import Glibc

/// How a process ended.
public enum ProcessEnd: Equatable, Sendable {
    /// It ended by itself, with this exit code.
    case exited(Int)
    /// A signal ended it.
    case killed(signal: Int)
}

/// A program that this process has started.
public struct ChildProcess: Sendable {
    /// The number of the first descriptor that is passed on: 0, 1 and 2 are the standard ones.
    public static let firstDescriptor: CInt = 3

    /// Its process id.
    public let id: Int32
    private var end: ProcessEnd?

    private init(id: Int32) {
        self.id = id
    }

    /// Starts a program with an empty signal mask and the standard descriptors of this process.
    ///
    /// - Parameters:
    ///   - path: The program's file.
    ///   - arguments: Its arguments, the name of the command first.
    ///   - environment: What becomes of the variables of this process on the way.
    ///   - descriptors: What it finds open from `firstDescriptor` on, in this order; nothing else is open for it.
    /// - Throws: `SystemError` when the program cannot be started.
    public static func start(
        _ path: String,
        arguments: [String],
        environment: EnvironmentChange,
        descriptors: [CInt]
    ) throws(SystemError) -> ChildProcess {
        // A descriptor may have the number that another is to get: all are first copied to numbers above.
        let above = firstDescriptor + CInt(descriptors.count)
        var copies: [CInt] = []
        defer { for copy in copies { close(copy) } }
        for descriptor in descriptors {
            let copy = fcntl(descriptor, F_DUPFD_CLOEXEC, above)
            guard copy >= 0 else { throw SystemError("fcntl") }
            copies.append(copy)
        }
        var actions = unsafe posix_spawn_file_actions_t()
        unsafe posix_spawn_file_actions_init(&actions)
        defer { unsafe posix_spawn_file_actions_destroy(&actions) }
        for (index, copy) in copies.enumerated() {
            unsafe posix_spawn_file_actions_adddup2(&actions, copy, firstDescriptor + CInt(index))
        }
        unsafe audgate_spawn_close_from(&actions, above)
        // The lists of C end at a null.
        let texts = unsafe (arguments + environment.added).map { unsafe strdup($0) }
        defer { unsafe texts.forEach { unsafe free($0) } }
        var list = unsafe Array(texts.prefix(arguments.count)) + [nil]
        var variables = unsafe Array(texts.dropFirst(arguments.count)) + environment.kept + [nil]
        return try unsafe spawn(path, &list, &variables, &actions)
    }

    private static func spawn(
        _ path: String,
        _ arguments: inout [UnsafeMutablePointer<CChar>?],
        _ environment: inout [UnsafeMutablePointer<CChar>?],
        _ actions: inout posix_spawn_file_actions_t
    ) throws(SystemError) -> ChildProcess {
        var attributes = posix_spawnattr_t()
        unsafe posix_spawnattr_init(&attributes)
        defer { unsafe posix_spawnattr_destroy(&attributes) }
        // Signals that tell a running process something wait until the program takes them, instead of ending it. Others
        // would stay blocked or ignored in the program, which expects neither.
        var signals = sigset_t()
        unsafe sigemptyset(&signals)
        for signal in [SIGHUP, SIGUSR1, SIGUSR2] { unsafe sigaddset(&signals, signal) }
        unsafe posix_spawnattr_setsigmask(&attributes, &signals)
        unsafe sigemptyset(&signals)
        unsafe sigaddset(&signals, SIGPIPE)
        unsafe posix_spawnattr_setsigdefault(&attributes, &signals)
        unsafe posix_spawnattr_setflags(&attributes, Int16(POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETSIGDEF))
        var id: pid_t = 0
        let code = unsafe posix_spawn(&id, path, &actions, &attributes, &arguments, &environment)
        guard code == 0 else { throw SystemError("posix_spawn", code) }
        return ChildProcess(id: id)
    }

    /// How it ended, nil while it runs. Does not wait.
    public mutating func ended() -> ProcessEnd? {
        guard end == nil else { return end }
        var status: CInt = 0
        // Another result means that it runs, or that somebody else has waited for it: its end is not known then.
        guard unsafe waitpid(id, &status, WNOHANG) == id else { return nil }
        let signal = Int(status & 0x7F)
        end = signal == 0 ? .exited(Int(status >> 8 & 0xFF)) : .killed(signal: signal)
        return end
    }

    /// Ends it at once, and waits until it is gone.
    public mutating func kill() {
        guard ended() == nil else { return }
        _ = Glibc.kill(id, SIGKILL)
        var status: CInt = 0
        _ = unsafe waitpid(id, &status, 0)
        end = .killed(signal: Int(SIGKILL))
    }
}
