// One allocation with a read and a write cursor: what a connection holds of bytes on their way.

internal import Glibc

/// A growable run of bytes, written at its end and consumed at its start.
///
/// Owns one allocation and never shares it. Holds no memory while it is empty and `release()` was called.
///
/// Invariant of the unsafe code: `0 <= start <= end <= capacity`, `base` is nil exactly when `capacity` is 0,
/// and the bytes from `start` to `end` are initialised. Every access goes through a span or a bounds check.
///
/// What is done for each field of a head is inlinable: a profile showed the calls, not the copying.
@safe
public struct ByteBuffer: ~Copyable {
    @usableFromInline
    var base: UnsafeMutableRawPointer?
    @usableFromInline
    var start = 0
    @usableFromInline
    var end = 0

    /// Size of the allocation in bytes.
    public internal(set) var capacity = 0

    /// Makes an empty buffer that holds no memory yet.
    public init() {
        unsafe base = nil
    }

    deinit {
        unsafe free(base)
    }

    /// Number of readable bytes.
    @inlinable
    public var count: Int { end - start }

    /// Whether nothing is readable.
    @inlinable
    public var isEmpty: Bool { start == end }

    /// The readable bytes.
    @inlinable
    public var span: Span<UInt8> {
        @_lifetime(borrow self)
        get {
            guard let base = unsafe base else { return Span() }
            let bytes = unsafe UnsafeBufferPointer(
                start: base.advanced(by: start).assumingMemoryBound(to: UInt8.self),
                count: end - start
            )
            return unsafe _overrideLifetime(Span(_unsafeElements: bytes), borrowing: self)
        }
    }

    /// Appends `bytes`, growing as needed.
    @inlinable
    public mutating func append(_ bytes: borrowing Span<UInt8>) {
        let count = bytes.count
        guard count > 0 else { return }
        reserve(count)
        unsafe bytes.withUnsafeBufferPointer { source in
            guard let base = unsafe base, let from = source.baseAddress else { return }
            unsafe (base + end).copyMemory(from: from, byteCount: count)
        }
        end += count
    }

    /// Appends the UTF-8 of `text`.
    @inlinable
    public mutating func append(_ text: StaticString) {
        let count = text.utf8CodeUnitCount
        reserve(count)
        guard let base = unsafe base else { return }
        unsafe (base + end).copyMemory(from: text.utf8Start, byteCount: count)
        end += count
    }

    /// Appends the UTF-8 of `text`.
    @inlinable
    @_disfavoredOverload
    public mutating func append(_ text: String) {
        text.withOctets { append($0) }
    }

    /// Appends one byte.
    @inlinable
    public mutating func append(_ byte: UInt8) {
        reserve(1)
        guard let base = unsafe base else { return }
        unsafe base.storeBytes(of: byte, toByteOffset: end, as: UInt8.self)
        end += 1
    }

    /// Appends `value` in decimal.
    public mutating func append(decimal value: Int) {
        var digits: InlineArray<20, UInt8> = .init(repeating: 0)
        var rest = value.magnitude
        var first = digits.count
        repeat {
            first -= 1
            digits[first] = UInt8(ascii: "0") + UInt8(truncatingIfNeeded: rest % 10)
            rest /= 10
        } while rest > 0
        if value < 0 { append(UInt8(ascii: "-")) }
        append(digits.span.extracting(first...))
    }

    /// Appends `value` in lower-case hexadecimal, without leading zeros.
    public mutating func append(hexadecimal value: Int) {
        let bits = Int.bitWidth - max(value, 1).leadingZeroBitCount
        var shift = (bits - 1) / 4 * 4
        while shift >= 0 {
            append(ASCII.hexDigit(UInt8(truncatingIfNeeded: value >> shift) & 0xF))
            shift -= 4
        }
    }

    /// Drops the first `count` readable bytes; `count` is capped at what is readable.
    public mutating func consume(_ count: Int) {
        start += min(max(count, 0), end - start)
        if start == end { removeAll() }
    }

    /// Shortens the buffer to its first `count` readable bytes; keeps all when there are fewer.
    public mutating func truncate(to count: Int) {
        end = start + min(max(count, 0), end - start)
    }

    /// Forgets the bytes and keeps the allocation.
    public mutating func removeAll() {
        start = 0
        end = 0
    }

    /// Forgets the bytes and frees the allocation.
    public mutating func release() {
        unsafe free(base)
        unsafe base = nil
        capacity = 0
        removeAll()
    }

    /// Makes room for `count` more bytes at the end.
    @inlinable
    public mutating func reserve(_ count: Int) {
        if capacity - end < count { makeRoom(count) }
    }

    /// Moves the readable bytes to the front, and grows the allocation if that is not enough.
    @usableFromInline
    mutating func makeRoom(_ count: Int) {
        if start > 0, let base = unsafe base {
            unsafe memmove(base, base + start, end - start)
            end -= start
            start = 0
            guard capacity - end < count else { return }
        }
        grow(to: max(end + count, 2 * capacity, 512))
    }

    private mutating func grow(to size: Int) {
        guard let grown = unsafe realloc(base, size) else { fatalError("out of memory") }
        unsafe base = grown
        capacity = size
    }

    /// Lets `body` write up to `room` bytes at the end; `body` returns how many it wrote.
    ///
    /// - Parameters:
    ///   - room: How many bytes to make room for.
    ///   - body: Writes into the memory that it is given, and says how much of it is now initialised.
    /// - Returns: The number that `body` returned, capped at `room`; 0 or less leaves the buffer as it was.
    @unsafe
    public mutating func write(
        room: Int,
        _ body: (UnsafeMutableRawBufferPointer) -> Int
    ) -> Int {
        reserve(room)
        guard let base = unsafe base else { return 0 }
        let written = unsafe body(UnsafeMutableRawBufferPointer(start: base + end, count: room))
        end += min(max(written, 0), room)
        return min(written, room)
    }
}
