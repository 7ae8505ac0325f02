// A peer whose frames are random, and mostly such as a server takes, so that they lead far.

/// Makes one frame after another for the same connection.
struct RandomPeer {
    private var random: SplitMix
    private var nextStream: UInt32 = 1
    /// Streams on which this side has said all.
    private var ended: Set<UInt32> = []
    /// One in so many frames is of any kind on any stream.
    private let wildness: UInt64

    init(seed: UInt64, wildness: UInt64) {
        random = SplitMix(seed: seed)
        self.wildness = wildness
    }

    private static let requests: [[UInt8]] = [
        Frames.block(Frames.request("GET")),
        Frames.block(Frames.request("POST")),
        Frames.block(Frames.request("POST", and: [("content-length", "3"), ("expect", "100-continue")])),
        Frames.block(Frames.request("GET", path: "/a/../b")),
        Frames.block(Frames.request("POST")) + Frames.indexed("x-large", String(repeating: "a", count: 1000)),
        Frames.block(Frames.request("POST")) + Array(repeating: 0x82, count: 3),
        [0x3F, 0xE1, 0x1F] + Frames.block(Frames.request("POST")),
        Frames.block(Frames.request("GET", and: [("Upper", "x")])),
        Frames.block(Frames.request("GET", and: [("te", "trailers"), ("cookie", "a"), ("cookie", "b")])),
    ]
    private static let trailers: [[UInt8]] = [
        Frames.block([("checksum", "x")]), Frames.block([("host", "x")]), Frames.block([(":path", "/")]), [],
    ]

    /// A random number below `bound`.
    mutating func number(_ bound: UInt64) -> UInt64 { random.next() % bound }

    mutating func frame() -> [UInt8] {
        guard number(wildness) != 0 else { return wildFrame() }
        guard nextStream > 1 else { return request() }
        // One of the last streams, which may be gone.
        let count = min(UInt64(nextStream / 2), 5)
        let open = nextStream - 2 - 2 * UInt32(number(count))
        switch number(16) {
        case 0, 1, 2, 3, 4: return request()
        case 5, 6, 7:
            let octets = Array(repeating: UInt8(7), count: Int(number(6)))
            return onOpen(open, Frames.data(open, octets, ends: false))
        case 8: return onOpen(open, Frames.frame(0, flags: 8, stream: open, [2, 7, 7, 0, 0]))
        case 9: return onOpen(open, Frames.frame(1, flags: 5, stream: open, Self.trailers[Int(number(4))]))
        case 10: return Frames.reset(open, UInt32(number(14)))
        case 11: return Frames.windowUpdate(number(2) == 0 ? 0 : open, UInt32(number(5000)) + 1)
        case 12: return Frames.settings([(4, UInt32(number(70_000))), (1, UInt32(number(9000)))])
        case 13: return Frames.ping() + Frames.priority(open, on: 0)
        case 14: return Frames.windowUpdate(open, 0x7FFF_FFFF)
        default: return Frames.frame(0xEE, stream: open, [1, 2, 3])
        }
    }

    /// The frame, which may end the stream by its flag; something harmless if the stream has ended.
    private mutating func onOpen(_ stream: UInt32, _ frame: [UInt8]) -> [UInt8] {
        guard !ended.contains(stream) else { return Frames.ping() }
        var frame = frame
        if number(3) == 0 { frame[4] |= Frames.endStream }
        if frame[4] & Frames.endStream != 0 { ended.insert(stream) }
        return frame
    }

    /// Opens a stream, in one frame or in pieces.
    private mutating func request() -> [UInt8] {
        let stream = nextStream
        nextStream += 2
        let block = Self.requests[Int(number(UInt64(Self.requests.count)))]
        let ends: UInt8 = number(2) == 0 ? Frames.endStream : 0
        if ends != 0 { ended.insert(stream) }
        guard number(4) == 0 else { return Frames.frame(1, flags: 4 | ends, stream: stream, block) }
        let cut = Int(number(UInt64(block.count)))
        return Frames.frame(1, flags: ends, stream: stream, Array(block[..<cut]))
            + Frames.continuation(stream, Array(block[cut...]), endsBlock: true)
    }

    private mutating func wildFrame() -> [UInt8] {
        let payload = (0..<Int(number(12))).map { _ in UInt8(truncatingIfNeeded: random.next()) }
        return Frames.frame(
            UInt8(number(12)),
            flags: UInt8(truncatingIfNeeded: random.next()),
            stream: UInt32(number(UInt64(nextStream) + 3)),
            payload
        )
    }
}
