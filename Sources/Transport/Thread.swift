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
        let task = unsafe Unmanaged.passRetained(ThreadBody(name: name, body: body))
        var thread = pthread_t()
        let result = unsafe pthread_create(&thread, nil, run, task.toOpaque())
        guard result == 0 else {
            unsafe task.release()
            throw SystemError("pthread_create", result)
        }
        pthread_detach(thread)
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
