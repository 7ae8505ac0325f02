// Readiness of descriptors, by epoll in edge-triggered mode: one registration for the life of a connection.

internal import CLinux
internal import Glibc

/// Something that happened to a registered descriptor.
public struct ReadinessEvent: Sendable {
    /// The number that the descriptor was registered with.
    public let token: UInt64
    private let flags: UInt32

    init(token: UInt64, flags: UInt32) {
        self.token = token
        self.flags = flags
    }

    /// Whether there may be something to receive, the end of the stream or an error included.
    public var isReadable: Bool {
        flags & (EPOLLIN.rawValue | EPOLLHUP.rawValue | EPOLLERR.rawValue | EPOLLRDHUP.rawValue) != 0
    }

    /// Whether there may be room to send, or an error to learn of.
    public var isWritable: Bool {
        flags & (EPOLLOUT.rawValue | EPOLLHUP.rawValue | EPOLLERR.rawValue) != 0
    }

    /// Whether the peer has closed its sending side or the connection is broken; data may be left to receive.
    public var isHangUp: Bool {
        flags & (EPOLLRDHUP.rawValue | EPOLLHUP.rawValue | EPOLLERR.rawValue) != 0
    }
}

/// An epoll instance; belongs to one thread.
@safe
public struct Poller: ~Copyable {
    /// Most events that one wait returns.
    public static let batch = 256

    private let descriptor: CInt
    private var events: [epoll_event]

    /// Opens an epoll instance.
    public init() throws(SystemError) {
        let opened = epoll_create1(CInt(EPOLL_CLOEXEC))
        guard opened >= 0 else { throw SystemError("epoll_create1") }
        descriptor = opened
        unsafe events = Array(repeating: epoll_event(), count: Self.batch)
    }

    deinit {
        close(descriptor)
    }

    /// Watches a connection for reading and writing, each change reported once.
    ///
    /// Closing the descriptor ends the watch.
    public func watchEdges(_ descriptor: CInt, token: UInt64) throws(SystemError) {
        try control(
            EPOLL_CTL_ADD,
            descriptor,
            EPOLLIN.rawValue | EPOLLOUT.rawValue | EPOLLRDHUP.rawValue | EPOLLET.rawValue,
            token
        )
    }

    /// Watches a descriptor for reading, reported for as long as something is there.
    ///
    /// - Parameters:
    ///   - descriptor: A listening socket or a wake-up descriptor.
    ///   - token: Comes back with each event.
    ///   - isShared: Whether other pollers watch the same open file, of which one is enough to wake.
    public func watchLevel(_ descriptor: CInt, token: UInt64, isShared: Bool = false) throws(SystemError) {
        try control(
            EPOLL_CTL_ADD,
            descriptor,
            EPOLLIN.rawValue | (isShared ? EPOLLEXCLUSIVE.rawValue : 0),
            token
        )
    }

    /// Ends the watch of a descriptor that stays open.
    public func unwatch(_ descriptor: CInt) {
        _ = audgate_epoll_control(self.descriptor, EPOLL_CTL_DEL, descriptor, 0, 0)
    }

    private func control(
        _ operation: CInt,
        _ descriptor: CInt,
        _ flags: UInt32,
        _ token: UInt64
    ) throws(SystemError) {
        guard audgate_epoll_control(self.descriptor, operation, descriptor, flags, token) == 0 else {
            throw SystemError("epoll_ctl")
        }
    }

    /// Waits for events for at most `milliseconds`; -1 waits without end.
    ///
    /// - Returns: How many events `event(at:)` now gives, 0 after a time-out or a signal.
    public mutating func wait(milliseconds: CInt) -> Int {
        let count = unsafe epoll_wait(descriptor, &events, CInt(events.count), milliseconds)
        return max(Int(count), 0)
    }

    /// The event at `index` of the last wait.
    public func event(at index: Int) -> ReadinessEvent {
        unsafe ReadinessEvent(token: events[index].data.u64, flags: events[index].events)
    }
}
