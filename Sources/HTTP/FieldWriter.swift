// What a head is written to, whichever version of HTTP it is for.

public import Bytes

/// Takes the field lines of a head, in their order.
public protocol FieldWriter: ~Copyable {
    /// Appends a field line; the caller vouches that name and value are free of line ends.
    mutating func appendField(_ name: borrowing Span<UInt8>, _ value: borrowing Span<UInt8>)
    /// Appends a field line; the caller vouches that the value is free of line ends.
    mutating func appendField(_ name: StaticString, _ value: borrowing Span<UInt8>)
    /// Appends a field line.
    mutating func appendField(_ name: StaticString, _ value: String)
    /// Appends a field line whose value `write` appends; it is free of line ends.
    mutating func appendField(_ name: StaticString, value write: (inout ByteBuffer) -> Void)
}

/// The fields of a head for HTTP/2: the octets, and where in them each name and value stands.
///
/// Pseudo-header fields (RFC 9113 §8.3) stand first. Upper-case letters in names are allowed here: the encoder lowers
/// them. One value is reused for head after head, so that writing one allocates nothing.
public struct FieldBlock: ~Copyable, FieldWriter {
    /// Where one field line stands in `bytes`.
    public struct Line: Sendable {
        /// Where the name stands.
        public let name: ByteRange
        /// Where the value stands.
        public let value: ByteRange
    }

    /// Names and values, one behind the other.
    public private(set) var bytes = ByteBuffer()
    /// The field lines.
    public private(set) var lines: [Line] = []

    /// Makes an empty block.
    public init() {}

    /// Appends a field line.
    public mutating func appendField(_ name: borrowing Span<UInt8>, _ value: borrowing Span<UInt8>) {
        let start = bytes.count
        bytes.append(name)
        let middle = bytes.count
        bytes.append(value)
        close(from: start, middle)
    }

    /// Appends a field line.
    public mutating func appendField(_ name: StaticString, _ value: borrowing Span<UInt8>) {
        let start = bytes.count
        bytes.append(name)
        let middle = bytes.count
        bytes.append(value)
        close(from: start, middle)
    }

    /// Appends a field line.
    public mutating func appendField(_ name: StaticString, _ value: String) {
        appendField(name) { $0.append(value) }
    }

    /// Appends a field line whose value `write` appends.
    public mutating func appendField(_ name: StaticString, value write: (inout ByteBuffer) -> Void) {
        let start = bytes.count
        bytes.append(name)
        let middle = bytes.count
        write(&bytes)
        close(from: start, middle)
    }

    private mutating func close(from start: Int, _ middle: Int) {
        lines.append(Line(name: ByteRange(start, middle), value: ByteRange(middle, bytes.count)))
    }

    /// Forgets the lines and keeps the memory.
    public mutating func removeAll() {
        bytes.removeAll()
        lines.removeAll(keepingCapacity: true)
    }
}
