// How much of a head audgate reads before it refuses the message.

/// Bounds on the head of one message.
public struct MessageLimits: Sendable, Equatable {
    /// Most bytes of the start line, line end included.
    public var startLineBytes = 8 * 1024
    /// Most bytes of the whole head, from the start line through the empty line.
    public var headerBytes: Int
    /// Most field lines.
    public var fieldCount = 100
    /// Most fields that `Connection` may name, as each is looked for among all fields.
    public var connectionOptionCount = 16
    /// Most bytes of the extensions of one chunk.
    public var chunkExtensionBytes = 256
    /// Most bytes of a trailer section.
    public var trailerBytes = 4 * 1024

    /// Makes limits with the given size of a head in bytes, and the defaults otherwise.
    public init(headerBytes: Int = 32 * 1024) {
        self.headerBytes = headerBytes
    }
}
