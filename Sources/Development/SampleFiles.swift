// The sample server that reads a few files.

/// The tools of the server `files`.
enum SampleFiles {
    static let definitions = [
        SampleTool(name: "list_files", description: "Lists the files.", arguments: []),
        SampleTool(
            name: "read_file",
            description: "Gives the text of a file.",
            arguments: [SampleTool.Argument(name: "path", type: "string", isRequired: true)]
        ),
        SampleTool(
            name: "search",
            description: "Searches all files for a text, and reports progress after each file.",
            arguments: [
                SampleTool.Argument(name: "text", type: "string", isRequired: true), SampleTool.pause,
            ]
        ),
    ]

    private static let files = [
        (path: "readme.txt", text: "These files are part of audgate's development setup."),
        (path: "notes/audience.txt", text: "A token names the one server that it is for: its audience."),
        (path: "notes/gateway.txt", text: "The gateway compares the audience with the route, byte for byte."),
        (
            path: "notes/refusal.txt",
            text: "A token for files is refused at calendar, and the other way round."
        ),
        (path: "todo.txt", text: "Try the token for files at calendar."),
    ]

    static func call(_ name: String, _ arguments: ToolArguments) throws(RPCError) -> ToolOutcome {
        switch name {
        case "list_files": return ToolOutcome(files.map(\.path).joined(separator: "\n"))
        case "read_file":
            let path = try arguments.string("path")
            guard let file = files.first(where: { $0.path == path }) else {
                return .failure("There is no such file.")
            }
            return ToolOutcome(file.text)
        case "search":
            let text = try arguments.string("text")
            let found = files.filter { $0.text.contains(text) || text.isEmpty }.map(\.path)
            var outcome = ToolOutcome(
                found.isEmpty ? "No file has that text." : found.joined(separator: "\n")
            )
            outcome.steps = files.map { "searched \($0.path)" }
            outcome.pause = try arguments.pause()
            return outcome
        default: throw RPCError(.invalidParams, "The server has no such tool.")
        }
    }
}
