// What nghttp2 has told of the frame that it reads.

internal import Bytes
internal import HTTP

/// Notes that callbacks take while one frame is read, for the session to act on when nghttp2 has returned.
struct FrameReading {
    /// A head whose last octets have come.
    struct Head {
        let id: Int32
        /// The stream, if it was given out before.
        let known: HTTP2Stream?
        let endsStream: Bool
    }

    /// Whether the frame ended as frames do: nghttp2 neither ignored nor refused it.
    var isRegular = false
    /// Resets that nghttp2 sent because of the peer's frames.
    var provokedResets = 0
    /// What is wrong with a field that nghttp2 refused.
    var fieldViolation: MessageViolation?
    /// Streams that closed, with their codes.
    var closings: [(HTTP2Stream, UInt32)] = []
    private var head: Head?
    private var address: UInt = 0
    private var position = 0

    /// Forgets the frame before.
    mutating func begin() {
        isRegular = false
    }

    /// Octets at `address` are those at `position` of the input.
    mutating func place(octetsAt address: UInt, as position: Int) {
        self.address = address
        self.position = position
    }

    /// The place in the input of `count` octets at `address`.
    func range(of count: Int, at address: UInt) -> ByteRange {
        let start = position &+ Int(truncatingIfNeeded: address &- self.address)
        return ByteRange(start, start &+ count)
    }

    mutating func note(_ head: Head) {
        self.head = head
    }

    mutating func takeHead() -> Head? {
        defer { head = nil }
        return head
    }
}
