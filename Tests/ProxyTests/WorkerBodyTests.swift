// Bodies that are larger than what is received and sent at a time, and the memory that they leave.

import Bytes
import Testing
import Transport

@testable import Proxy

extension WorkerTests {
    @Suite struct `A worker with large bodies` {
        /// A notification of so many octets, no two parts of which look alike.
        private static func message(_ size: Int) -> String {
            let front = #"{"jsonrpc":"2.0","method":"notifications/x","params":{"x":""#
            var text = front
            var number = 0
            while text.utf8.count < size {
                text += "\(number),"
                number += 1
            }
            return text.prefix(size - 3) + "\"}}"
        }

        /// Says whether the bodies that it gets are `body`.
        private static func server(expecting body: String, receiveBuffer: CInt?) throws -> ScriptedServer {
            try ScriptedServer(receiveBuffer: receiveBuffer) { peer, _, server in
                while let head = server.request(from: peer) {
                    let length = head.firstMatch(of: /Content-Length: ([0-9]+)/).flatMap { Int($0.1) } ?? 0
                    let isSame = peer.receiveBytes(length) == Array(body.utf8)
                    peer.send("HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\n\(isSame ? "good" : "evil")")
                }
            }
        }

        @Test(arguments: [65_536, 65_537, 130_000, 262_144, 1_000_000, 4_194_304], [nil, 4096] as [CInt?])
        func `passes them on as they are, and reads what follows`(_ size: Int, _ receiveBuffer: CInt?) throws
        {
            let body = Self.message(size)
            let server = try Self.server(expecting: body, receiveBuffer: receiveBuffer)
            let gateway = try TestGateway(servers: [server.port])
            let client = Peer(port: gateway.port)
            let post = try gateway.post(body)
            let chunks = String(body.utf8.count, radix: 16) + "\r\n" + body + "\r\n0\r\n\r\n"
            let chunked = try gateway.request("POST", fields: "Transfer-Encoding: chunked\r\n", body: chunks)
            try Thread.start("sender") { client.send(post + chunked + post) }
            for _ in 0..<3 {
                #expect(client.receiveHead().hasPrefix("HTTP/1.1 200 "))
                #expect(client.receiveBytes(4) == Array("good".utf8))
            }
            gateway.stop()
            #expect(gateway.logged().split(separator: "\n").count == 3)
        }

        @Test func `gives the memory back a second after the last of them`() throws {
            let body = Self.message(1_000_000)
            let server = try Self.server(expecting: body, receiveBuffer: nil)
            let gateway = try TestGateway(servers: [server.port], isByHand: true)
            let worker = try gateway.makeWorker()
            let client = Peer(port: gateway.port)
            let post = try gateway.post(body)
            let answers = Count()
            try Thread.start("client") {
                for _ in 0..<3 {
                    client.send(post)
                    if client.receive(through: "good").end == .found { answers.add(1) }
                }
                answers.note(4)
            }
            var most = 0
            #expect(
                worker.turn {
                    most = max(most, worker.bodyMemory.bytes)
                    return answers.highest == 4
                }
            )
            #expect(most == body.utf8.count)
            #expect(worker.reservedBytes == 0)
            Clock.sleep(milliseconds: 1100)
            worker.turn(milliseconds: 0)
            #expect(worker.bodyMemory.bytes == 0)
            worker.closeAll()
        }

        @Test(arguments: [true, false])
        func `forgets one whose client leaves in the middle of it`(_ isReset: Bool) throws {
            let server = try Self.server(expecting: "", receiveBuffer: nil)
            let gateway = try TestGateway(servers: [server.port], isByHand: true)
            let worker = try gateway.makeWorker()
            worker.turn(milliseconds: 0)
            let port = gateway.port
            let post = try gateway.post(Self.message(1_000_000))
            let hasLeft = Flag()
            try Thread.start("sender") {
                do {
                    let client = Peer(port: port)
                    client.send(String(post.prefix(600_000)))
                    if isReset { client.resetAtEnd() }
                }
                hasLeft.raise()
            }
            var most = 0
            worker.turn {
                most = max(most, worker.reservedBytes)
                return hasLeft.isUp
            }
            for _ in 0..<100 {
                worker.turn(milliseconds: 5)
                most = max(most, worker.reservedBytes)
            }
            // A reset may take along what had not arrived.
            #expect(isReset || most == 1_000_000)
            #expect(worker.reservedBytes == 0)
            #expect(worker.connections.clients == 0)
            #expect(server.requests.isEmpty)
        }
    }
}

@Suite struct `Memory for bodies` {
    /// A buffer of this size.
    private static func buffer(_ size: Int) -> ByteBuffer {
        var buffer = ByteBuffer()
        buffer.reserve(size)
        return buffer
    }

    /// Sizes that were kept, the size that is asked for, and what is still kept then.
    @Test(arguments: [
        ([1 << 20], 1 << 20, 0), ([1 << 20], 600_000, 0),
        // What is much larger stays for others, and what is smaller is of no use.
        ([1 << 20], 500_000, 1 << 20), ([1 << 20], 1_100_000, 1 << 20),
        ([200_000, 1 << 20, 300_000], 250_000, 200_000 + 1 << 20), ([], 1000, 0),
    ])
    func `goes to a body that it fits, with what has arrived of it`(_ kept: [Int], _ size: Int, _ rest: Int) {
        var memory = BodyMemory()
        for size in kept {
            var buffer = Self.buffer(size)
            memory.keep(&buffer, most: 1 << 24, now: 0)
            let capacity = buffer.capacity
            #expect(capacity == 0)
        }
        var body = ByteBuffer()
        body.append("arrived")
        memory.makeRoom(size, in: &body)
        let (capacity, text) = (body.capacity, String(lossy: body.span))
        #expect(capacity >= size && capacity <= 2 * size)
        #expect(text == "arrived")
        #expect(memory.bytes == rest)
    }

    @Test func `is bounded, and the oldest goes first`() {
        var memory = BodyMemory()
        for size in [300_000, 200_000, 150_000, 140_000, 1000, 700_000] {
            var buffer = Self.buffer(size)
            memory.keep(&buffer, most: 500_000, now: 0)
        }
        // Too little to be worth it, and too much, were not kept.
        #expect(memory.bytes == 200_000 + 150_000 + 140_000)
        for _ in 0..<100 {
            var buffer = Self.buffer(128 * 1024)
            memory.keep(&buffer, most: 1 << 30, now: 0)
        }
        #expect(memory.bytes == 16 * 128 * 1024)
    }

    @Test func `is freed when nothing has come for a second`() {
        var memory = BodyMemory()
        for now in [0, 900] {
            var buffer = Self.buffer(1 << 20)
            memory.keep(&buffer, most: 1 << 24, now: now)
        }
        memory.expire(now: 1900)
        #expect(memory.bytes == 2 << 20)
        memory.expire(now: 1901)
        #expect(memory.bytes == 0)
    }
}
