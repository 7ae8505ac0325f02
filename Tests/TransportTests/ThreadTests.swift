// Threads that do one thing for somebody who waits.

import Glibc
import Testing
import Transport

@Suite struct ThreadTests {
    /// The `nice` of the calling thread, which on Linux each thread has for itself.
    static var nice: CInt {
        errno = 0
        return getpriority(__priority_which_t(PRIO_PROCESS.rawValue), 0)
    }

    @Test func `a modest thread gives way to others, and who waits for it does not`() throws {
        let before = Self.nice
        let (thread, nice) = try Thread.runModestly("modest") { (pthread_self(), Self.nice) }
        #expect(thread != pthread_self())
        #expect(nice == min(before + 10, 19))
        #expect(Self.nice == before)
    }

    @Test func `what a modest thread returns and throws arrives`() throws {
        var count = 0
        for _ in 0..<50 { try Thread.runModestly("modest") { count += 1 } }
        #expect(count == 50)
        let outcome = try Thread.runModestly("modest") { Result { throw CancellationError() } }
        #expect(throws: CancellationError.self) { try outcome.get() }
    }
}
