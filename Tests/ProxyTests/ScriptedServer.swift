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

    /// Starts serving.
    init(receiveBuffer: CInt? = nil, _ script: @escaping Script) throws {
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
        var address = sockaddr_in(port: 0)
        var length = socklen_t(MemoryLayout<sockaddr_in>.size)
        unsafe withUnsafeMutablePointer(to: &address) { pointer in
            unsafe pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) {
                _ = unsafe bind(descriptor, $0, length)
                _ = unsafe getsockname(descriptor, $0, &length)
            }
        }
        listen(descriptor, 128)
        port = UInt16(bigEndian: address.sin_port)
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
