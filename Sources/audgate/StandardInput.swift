// Standard input, read with a bound.

internal import Bytes
internal import Glibc

/// Standard input in lines.
struct StandardInput {
    private var chunk: [UInt8] = []
    private var position = 0

    /// Whether somebody types at a terminal.
    static var isTerminal: Bool { isatty(STDIN_FILENO) == 1 }

    /// The next line without its end (LF or CR LF), nil at the end of the input.
    ///
    /// - Parameter maximumLength: Most bytes that are kept; the rest of a longer line is passed over.
    mutating func line(maximumLength: Int) -> [UInt8]? {
        var line: [UInt8] = []
        var isEnded = false
        while !isEnded {
            guard position < chunk.count || fill() else { return line.isEmpty ? nil : line }
            let end = chunk[position...].firstIndex(of: UInt8(ascii: "\n"))
            line += chunk[position..<(end ?? chunk.count)].prefix(maximumLength - line.count)
            position = end.map { $0 + 1 } ?? chunk.count
            isEnded = end != nil
        }
        if line.last == UInt8(ascii: "\r") { line.removeLast() }
        return line
    }

    /// Everything up to the end of the input, but at most `maximumLength` bytes.
    mutating func rest(maximumLength: Int) -> [UInt8] {
        var bytes: [UInt8] = []
        while bytes.count < maximumLength, fill() { bytes += chunk.prefix(maximumLength - bytes.count) }
        return bytes
    }

    /// Reads what comes next; false at the end.
    private mutating func fill() -> Bool {
        position = 0
        chunk = unsafe [UInt8](unsafeUninitializedCapacity: 64 * 1024) { buffer, count in
            // The system writes at most the capacity of the buffer, which lives as long as this call.
            var result: Int
            repeat {
                result = unsafe read(STDIN_FILENO, buffer.baseAddress, buffer.count)
            } while result < 0 && errno == EINTR
            count = max(result, 0)
        }
        return !chunk.isEmpty
    }
}
