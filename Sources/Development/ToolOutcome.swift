// What a tool answers.

internal import JSON

/// What a tool found.
struct ToolOutcome: Sendable {
    /// The text of the result.
    let text: String
    /// Whether the tool failed at its task.
    var isError = false
    /// What it reports on the way, one message for each step.
    var steps: [String] = []
    /// Milliseconds that each step takes.
    var pause = 0

    init(_ text: String) {
        self.text = text
    }

    /// An outcome that says why the tool failed.
    static func failure(_ text: String) -> ToolOutcome {
        var outcome = ToolOutcome(text)
        outcome.isError = true
        return outcome
    }

    /// Writes the members of a `tools/call` result.
    func write(to writer: inout JSONWriter) {
        writer.name("content")
        writer.array { writer in
            writer.object { writer in
                writer.member("type", "text")
                writer.member("text", text)
            }
        }
        writer.name("isError")
        writer.bool(isError)
    }
}
