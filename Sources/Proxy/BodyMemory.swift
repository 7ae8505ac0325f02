// Memory of large bodies that have gone, kept a moment for those that come.

internal import Bytes

/// Spare memory for large bodies. New memory costs as much as what is done with it, for the kernel clears each page.
///
/// It is bounded by whoever keeps it, and freed when nobody has come or gone for a second.
struct BodyMemory: ~Copyable {
    /// Milliseconds that memory is kept if nobody needs it.
    private static let patience = 1000
    /// Below this the allocator has memory at hand.
    private static let least = 128 * 1024
    private static let places = 16

    private var spares = InlineArray<16, ByteBuffer> { _ in ByteBuffer() }
    /// The place that was filled longest ago, and is filled next.
    private var oldest = 0
    private var lastUse = 0
    /// Size of what is kept.
    private(set) var bytes = 0

    /// Makes room in `buffer` for `size` octets in all, and keeps those that are in it.
    ///
    /// What is kept of larger bodies is no help to one that counts for less than half of it.
    mutating func makeRoom(_ size: Int, in buffer: inout ByteBuffer) {
        for age in 1...Self.places where bytes > 0 {
            let place = (oldest + Self.places - age) % Self.places
            let capacity = spares[place].capacity
            guard capacity >= size, capacity / 2 <= size else { continue }
            bytes -= capacity
            spares[place].append(buffer.span)
            swap(&spares[place], &buffer)
            return spares[place].release()
        }
        buffer.reserve(size - buffer.count)
    }

    /// Takes the memory of a buffer whose octets nobody needs any more. No more than `most` bytes are kept.
    mutating func keep(_ buffer: inout ByteBuffer, most: Int, now: Int) {
        let capacity = buffer.capacity
        guard capacity >= Self.least, capacity <= most else { return }
        var place = oldest
        while bytes + capacity > most {
            free(place)
            place = (place + 1) % Self.places
        }
        free(oldest)
        buffer.removeAll()
        swap(&spares[oldest], &buffer)
        oldest = (oldest + 1) % Self.places
        bytes += capacity
        lastUse = now
    }

    /// Frees what nobody has needed for a while.
    mutating func expire(now: Int) {
        if bytes > 0, now - lastUse > Self.patience { freeAll() }
    }

    /// Frees everything.
    mutating func freeAll() {
        for place in 0..<Self.places { free(place) }
    }

    private mutating func free(_ place: Int) {
        bytes -= spares[place].capacity
        spares[place].release()
    }
}
