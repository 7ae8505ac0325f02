// The one way from thread to thread: messages in a queue, and one wake-up however many there are.

internal import CLinux
internal import Glibc
internal import Synchronization

/// A queue that any thread writes and one thread empties.
public final class Mailbox<Message: Sendable>: Sendable {
    private let queue = Mutex<[Message]>([])
    private let event: CInt

    /// Opens the mailbox with its wake-up descriptor.
    public init() throws(SystemError) {
        event = audgate_event_descriptor()
        guard event >= 0 else { throw SystemError("eventfd") }
    }

    deinit {
        close(event)
    }

    /// Readable while messages wait; for the reader's `Poller`.
    public var descriptor: CInt { event }

    /// Puts `message` at the end; wakes the reader unless it was woken already.
    public func send(_ message: Message) {
        let wasEmpty = queue.withLock { queue in
            queue.append(message)
            return queue.count == 1
        }
        guard wasEmpty else { return }
        var one: UInt64 = 1
        _ = unsafe write(event, &one, MemoryLayout<UInt64>.size)
    }

    /// Blocks until a message waits, for readers that wait for nothing else; false if `deadline`, in milliseconds of the
    /// monotonic clock, passed first.
    public func wait(until deadline: Int) -> Bool {
        Readiness.reading.wait(for: event, until: deadline)
    }

    /// Sends a message to each of `mailboxes`.
    public static func sender(to mailboxes: [Mailbox<Message>]) -> @Sendable (Message) -> Void {
        { message in for mailbox in mailboxes { mailbox.send(message) } }
    }

    /// Takes all messages, oldest first.
    public func takeAll() -> [Message] {
        var count: UInt64 = 0
        _ = unsafe read(event, &count, MemoryLayout<UInt64>.size)
        return queue.withLock { queue in
            let messages = queue
            queue = []
            return messages
        }
    }
}
