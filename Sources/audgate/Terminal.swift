// What people read on their terminals.

internal import ArgumentParser
internal import Bytes
internal import Glibc
internal import JSON

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

    /// Tells why a command cannot be carried out: to people on standard error, to programs as `{"error": …}` on standard
    /// output.
    ///
    /// - Parameters:
    ///   - problem: The reason; may have several lines.
    ///   - json: Whether a program asks.
    /// - Returns: What ends the command.
    static func failure(_ problem: String, json: Bool) -> ExitCode {
        if json {
            var writer = JSONWriter()
            writer.object { $0.member("error", problem) }
            let text = writer.finish()
            print(String(lossy: text.span))
        } else {
            error(problem)
        }
        return ExitCode(1)
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
