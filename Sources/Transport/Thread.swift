// Threads of the operating system: workers for ever, background jobs for one task.

internal import CLinux
internal import Glibc

/// Starts threads.
public enum Thread {
    /// Runs `body` on a new detached thread with all signals blocked.
    ///
    /// - Parameters:
    ///   - name: Shown by debuggers; 15 characters at most.
    ///   - body: What the thread does; the thread ends when it returns.
    /// - Throws: `SystemError` when the system has no thread to give.
    public static func start(_ name: String, _ body: @escaping @Sendable () -> Void) throws(SystemError) {
        pthread_detach(try create(ThreadBody(name: name, body: body)))
    }

    /// Runs `body` on a thread that leaves the processor to the others, and waits until it has returned. What the
    /// thread starts is as modest: threads and processes inherit it.
    ///
    /// - Parameters:
    ///   - name: Shown by debuggers; 15 characters at most.
    ///   - body: What the thread does.
    /// - Returns: What `body` returned.
    /// - Throws: `SystemError` when the system has no thread to give.
    public static func runModestly<Result>(
        _ name: String,
        _ body: () -> Result
    ) throws(SystemError) -> Result {
        var outcome: Result?
        try withoutActuallyEscaping({ outcome = body() }) { (work) throws(SystemError) in
            // The caller waits: nothing of it is touched by two threads at a time.
            nonisolated(unsafe) let work = work
            let thread = try create(
                ThreadBody(name: name) {
                    nice(modesty)
                    unsafe work()
                }
            )
            pthread_join(thread, nil)
        }
        guard let outcome else { throw SystemError("pthread_join", EDEADLK) }
        return outcome
    }

    /// By how much `nice` of a modest thread is higher: it has a tenth of the weight of others, and comes on where they
    /// leave nothing. On Linux each thread has its own.
    private static let modesty: CInt = 10

    private static func create(_ body: ThreadBody) throws(SystemError) -> pthread_t {
        let task = unsafe Unmanaged.passRetained(body)
        var thread = pthread_t()
        let result = unsafe pthread_create(&thread, nil, run, task.toOpaque())
        guard result == 0 else {
            unsafe task.release()
            throw SystemError("pthread_create", result)
        }
        return thread
    }
}

private final class ThreadBody: Sendable {
    let name: String
    let body: @Sendable () -> Void

    init(name: String, body: @escaping @Sendable () -> Void) {
        self.name = name
        self.body = body
    }
}

/// The C entry point: takes over the reference that `Thread.start` retained.
private func run(_ argument: UnsafeMutableRawPointer?) -> UnsafeMutableRawPointer? {
    guard let argument = unsafe argument else { return nil }
    let task = unsafe Unmanaged<ThreadBody>.fromOpaque(argument).takeRetainedValue()
    var signals = sigset_t()
    unsafe sigfillset(&signals)
    unsafe pthread_sigmask(SIG_BLOCK, &signals, nil)
    unsafe audgate_name_thread(task.name)
    task.body()
    return nil
}
