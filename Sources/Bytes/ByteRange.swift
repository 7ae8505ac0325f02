// A place in a buffer, in eight bytes.

/// A half-open range of byte offsets into a buffer of at most 4 GiB.
public struct ByteRange: Equatable, Sendable {
    private let lower: UInt32
    private let upper: UInt32

    /// The empty range at offset 0.
    public static let empty = ByteRange(0, 0)

    /// Makes the range from `start` up to `end`; values that do not fit make it empty.
    public init(_ start: Int, _ end: Int) {
        let fits = start >= 0 && start <= end && end <= Int(UInt32.max)
        lower = fits ? UInt32(truncatingIfNeeded: start) : 0
        upper = fits ? UInt32(truncatingIfNeeded: end) : 0
    }

    /// Offset of the first byte.
    public var start: Int { Int(lower) }

    /// Offset behind the last byte.
    public var end: Int { Int(upper) }

    /// Number of bytes.
    public var count: Int { Int(upper) - Int(lower) }

    /// Whether the range holds no byte.
    public var isEmpty: Bool { lower == upper }
}
