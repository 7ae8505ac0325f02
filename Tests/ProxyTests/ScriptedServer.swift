// A server behind the gateway that does what a test tells it to, and counts what it is asked.

import Glibc
import Synchronization
import Transport

/// A blocking server on loopback; each connection runs the script on a thread of its own.
final class ScriptedServer: Sendable {
    /// What to do with connection number `number`, from 1.
    typealias Script = @Sendable (_ peer: Peer, _ number: Int, _ server: ScriptedServer) -> Void

    let port: UInt16
    private let descriptor: CInt
    private let seen = Mutex<[String]>([])
    private let hasStopped = Atomic(false)

    /// Starts serving at 127.0.0.1, or 127.0.0.`host`, and a free port, or the one that is given.
    init(receiveBuffer: CInt? = nil, host: UInt32 = 1, port: UInt16 = 0, _ script: @escaping Script) throws {
        let descriptor = socket(AF_INET, CInt(SOCK_STREAM.rawValue), 0)
        self.descriptor = descriptor
        if var size = receiveBuffer {
            _ = unsafe setsockopt(
                descriptor,
                SOL_SOCKET,
                SO_RCVBUF,
                &size,
                socklen_t(MemoryLayout<CInt>.size)
            )
        }
        var reuse: CInt = 1
        _ = unsafe setsockopt(
            descriptor,
            SOL_SOCKET,
            SO_REUSEADDR,
            &reuse,
            socklen_t(MemoryLayout<CInt>.size)
        )
        var address = sockaddr_in(port: port)
        address.sin_addr.s_addr = UInt32(0x7F00_0000 | host).bigEndian
        var length = socklen_t(MemoryLayout<sockaddr_in>.size)
        unsafe withUnsafeMutablePointer(to: &address) { pointer in
            unsafe pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) {
                _ = unsafe bind(descriptor, $0, length)
                _ = unsafe getsockname(descriptor, $0, &length)
            }
        }
        listen(descriptor, 128)
        self.port = UInt16(bigEndian: address.sin_port)
        try start(script)
    }

    private func start(_ script: @escaping Script) throws(SystemError) {
        let listening = descriptor
        try Thread.start("scripted") { [weak self] in
            var number = 0
            while true {
                let accepted = accept(listening, nil, nil)
                // Closed here alone: elsewhere the number could be another server's before this thread sees it.
                guard accepted >= 0 else { return _ = close(listening) }
                number += 1
                let (peer, turn) = (Peer(owning: accepted), number)
                guard let self else { return }
                try? Thread.start("script") { script(peer, turn, self) }
            }
        }
    }

    deinit { stop() }

    /// Ends the accepting thread and its socket; connections that run go on.
    func stop() {
        guard !hasStopped.exchange(true, ordering: .relaxed) else { return }
        shutdown(descriptor, CInt(SHUT_RDWR))
    }

    /// Reads one request without a body and notes it; nil if the peer has left.
    func request(from peer: Peer) -> String? {
        let text = peer.receiveHead()
        guard text.hasSuffix("\r\n\r\n") else { return nil }
        seen.withLock { $0.append(text) }
        return text
    }

    /// All requests so far.
    var requests: [String] { seen.withLock { $0 } }
}

/// Something that one thread says and others hear.
final class Flag: Sendable {
    private let state = Atomic<Bool>(false)

    var isUp: Bool { state.load(ordering: .relaxed) }

    func raise() { state.store(true, ordering: .relaxed) }
}

/// A number that threads share.
final class Count: Sendable {
    private let value = Mutex(0)

    var highest: Int { value.withLock { $0 } }

    func add(_ count: Int) { value.withLock { $0 += count } }

    /// Remembers `number` if it is the highest so far.
    func note(_ number: Int) { value.withLock { $0 = max($0, number) } }

    /// Takes one away, if there is one.
    func takeOne() -> Bool {
        value.withLock { value in
            guard value > 0 else { return false }
            value -= 1
            return true
        }
    }
}

/// A port of 127.0.0.1 at which nobody answers: connections are refused, or hear nothing as the queue of its listener is
/// full.
final class Deaf {
    let port: UInt16
    private let descriptor: CInt
    private var waiting: [CInt] = []

    init(listens: Bool) {
        let descriptor = socket(AF_INET, CInt(SOCK_STREAM.rawValue), 0)
        self.descriptor = descriptor
        var address = sockaddr_in(port: 0)
        var length = socklen_t(MemoryLayout<sockaddr_in>.size)
        unsafe withUnsafeMutablePointer(to: &address) { pointer in
            unsafe pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) {
                _ = unsafe bind(descriptor, $0, length)
                _ = unsafe getsockname(descriptor, $0, &length)
            }
        }
        port = UInt16(bigEndian: address.sin_port)
        guard listens else { return }
        listen(descriptor, 0)
        // The kernel lets a few in before it falls silent.
        for _ in 0..<8 {
            let client = socket(AF_INET, CInt(SOCK_STREAM.rawValue | SOCK_NONBLOCK.rawValue), 0)
            waiting.append(client)
            unsafe withUnsafePointer(to: &address) { pointer in
                unsafe pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) {
                    _ = unsafe connect(client, $0, length)
                }
            }
        }
    }

    deinit {
        for client in waiting { close(client) }
        close(descriptor)
    }
}
