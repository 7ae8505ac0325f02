// A string of a JSON-RPC message, as a place.

internal import Bytes

/// A string of a message, whose octets `Envelope` hands out.
///
/// A string without escapes stays where it is in the body; one with escapes is decoded into the envelope's own memory.
public struct Text: Sendable, Equatable {
    /// Where the octets stand, quotes left out.
    let range: ByteRange
    /// Whether `range` is one of the envelope's memory instead of the body.
    let isDecoded: Bool

    /// Number of octets, escapes resolved.
    public var count: Int { range.count }
}
