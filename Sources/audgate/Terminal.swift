// What people read on their terminals.

internal import Bytes
internal import Glibc

/// Standard output and standard error.
enum Terminal {
    /// Writes a line to standard output.
    static func print(_ line: String) {
        write(line, to: STDOUT_FILENO)
    }

    /// Writes a line to standard error.
    static func error(_ line: String) {
        write(line, to: STDERR_FILENO)
    }

    private static func write(_ text: String, to descriptor: CInt) {
        // Lines are ours; what stands in them may come from anywhere.
        let lines = text.split(separator: "\n", omittingEmptySubsequences: false)
        let shown = lines.map { String($0).showingInvisible }.joined(separator: "\n") + "\n"
        var rest = Array(shown.utf8)[...]
        while !rest.isEmpty {
            let count = unsafe rest.withUnsafeBytes {
                unsafe Glibc.write(descriptor, $0.baseAddress, $0.count)
            }
            guard count > 0 else { return }
            rest = rest.dropFirst(count)
        }
    }
}
