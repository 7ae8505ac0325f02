// Listening: shared between workers, refused when taken, alive when descriptors run out. What counts or limits the
// descriptors of the process runs in one of its own.

import Glibc
import Testing
import Transport

@Suite struct ListeningSocketTests {
    @Test(arguments: ["127.0.0.1:0", "[::1]:0"])
    func `workers share a port, and a second start is refused`(text: String) throws {
        let sockets = try ListeningSocket.open(try #require(SocketAddress(text)), count: 3)
        #expect(sockets.count == 3)
        let address = try #require(sockets.first).socket.address
        #expect(sockets.allSatisfy { $0.socket.address == address })
        #expect(!address.description.hasSuffix(":0"))
        let error = #expect(throws: SystemError.self) { try ListeningSocket.open(address, count: 1) }
        #expect(error?.code == EADDRINUSE)
    }

    @Test func `a connection reaches exactly one of the sockets`() throws {
        let sockets = try ListeningSocket.open(try #require(SocketAddress("127.0.0.1:0")), count: 4)
        let address = try #require(sockets.first).socket.address
        for _ in 0..<20 {
            let client = try Socket.connect(to: address)
            let isConnected = isReady(client.descriptor, POLLOUT)
            #expect(isConnected)
            var accepted = 0
            for box in sockets {
                if case .connection(_, let peer) = box.socket.accept() {
                    accepted += 1
                    #expect(peer.host == "127.0.0.1")
                }
            }
            #expect(accepted == 1)
        }
    }

    @Test func `a stale Unix socket is replaced, a live one is refused`() throws {
        let path = temporaryPath("stale")
        defer { _ = unsafe unlink(path) }
        let address = try #require(SocketAddress("unix:" + path))
        let count = try ListeningSocket.open(address, count: 2).count
        #expect(count == 2)
        // Nobody listens any more, but the file is still there.
        #expect(unsafe access(path, F_OK) == 0)
        let live = try ListeningSocket.open(address, count: 2)
        let error = #expect(throws: SystemError.self) { try ListeningSocket.open(address, count: 1) }
        #expect(error?.code == EADDRINUSE)
        let client = try Socket.connect(to: address)
        #expect(isReady(client.descriptor, POLLOUT))
        #expect(live.count == 2)
    }

    @Test func `an ordinary file at a Unix path is left alone`() throws {
        let path = temporaryPath("file")
        defer { _ = unsafe unlink(path) }
        close(unsafe open(path, O_CREAT | O_WRONLY, 0o600))
        let address = try #require(SocketAddress("unix:" + path))
        let error = #expect(throws: SystemError.self) { try ListeningSocket.open(address, count: 1) }
        #expect(error?.code == EADDRINUSE)
        #expect(unsafe access(path, F_OK) == 0)
    }

    @Test func `running out of descriptors is said, and the listener lives on`() async {
        await #expect(processExitsWith: .success) {
            let box = try listening(on: "127.0.0.1:0")
            let client = try Socket.connect(to: box.socket.address)
            #expect(isReady(box.socket.descriptor, POLLIN))
            var limit = rlimit(rlim_cur: 64, rlim_max: 64)
            _ = unsafe setrlimit(__rlimit_resource_t(RLIMIT_NOFILE.rawValue), &limit)
            var last: CInt = -1
            while case let next = dup(0), next >= 0 { last = next }
            for _ in 0..<3 {
                var wasExhausted = false
                if case .exhausted(let error) = box.socket.accept() { wasExhausted = error.code == EMFILE }
                #expect(wasExhausted)
            }
            close(last)
            var isAccepted = false
            if case .connection = box.socket.accept() { isAccepted = true }
            #expect(isAccepted)
            #expect(client.descriptor >= 0)
        }
    }

    @Test func `no error path leaks a descriptor`() async {
        await #expect(processExitsWith: .success) {
            let taken = try listening(on: "127.0.0.1:0")
            let nowhere = try #require(SocketAddress("unix:/no/such/folder/socket"))
            let foreign = try #require(SocketAddress("203.0.113.1:80"))
            let before = descriptorCount()
            for _ in 0..<50 {
                _ = try? ListeningSocket.open(taken.socket.address, count: 4)
                _ = try? ListeningSocket.open(foreign, count: 4)
                _ = try? ListeningSocket.open(nowhere, count: 4)
                if let socket = try? Socket.connect(to: nowhere) { _ = socket.takeError() }
                if let poller = try? Poller() { try? poller.watchEdges(-1, token: 0) }
                _ = try? Mailbox<Int>()
                _ = try ConnectedSockets("127.0.0.1:0")
            }
            // The process opens a few of its own meanwhile; a leak would open fifty.
            #expect(descriptorCount() < before + 50)
        }
    }

    @Test func `a signal interrupts a wait without an event`() async {
        await #expect(processExitsWith: .success) {
            signal(SIGALRM) { _ in }
            var poller = try Poller()
            // The thread pool that tests run on blocks signals.
            var signals = sigset_t()
            _ = unsafe sigaddset(&signals, SIGALRM)
            _ = unsafe pthread_sigmask(SIG_UNBLOCK, &signals, nil)
            let waiting = pthread_self()
            try Thread.start("alarm") {
                usleep(200_000)
                pthread_kill(waiting, SIGALRM)
            }
            let start = Clock.monotonicMilliseconds
            let count = poller.wait(milliseconds: 10_000)
            #expect(count == 0)
            #expect((100..<9_000).contains(Clock.monotonicMilliseconds - start))
        }
    }
}
