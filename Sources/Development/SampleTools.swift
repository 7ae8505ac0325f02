// The tools of the two sample servers.

/// The tools of one server with what they remember.
enum SampleTools: Sendable {
    /// Reads a few files that are part of the program.
    case files
    /// Keeps a few events as long as the process lives.
    case calendar(Calendar)

    /// Definitions of all tools.
    var definitions: [SampleTool] {
        switch self {
        case .files: SampleFiles.definitions + [.whoami]
        case .calendar: Calendar.definitions + [.whoami]
        }
    }

    /// Calls the tool called `name`.
    ///
    /// - Throws: `invalidParams` if there is no such tool, or its arguments are wrong.
    mutating func call(_ name: String, _ arguments: ToolArguments) throws(RPCError) -> ToolOutcome {
        switch self {
        case .files: return try SampleFiles.call(name, arguments)
        case .calendar(var calendar):
            defer { self = .calendar(calendar) }
            return try calendar.call(name, arguments)
        }
    }
}

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

/// The tools of the server `calendar`, and its events.
struct Calendar: Sendable {
    static let definitions = [
        SampleTool(name: "list_events", description: "Lists the events.", arguments: []),
        SampleTool(
            name: "add_event",
            description: "Adds an event to a day of the week.",
            arguments: [
                SampleTool.Argument(name: "day", type: "string", isRequired: true),
                SampleTool.Argument(name: "title", type: "string", isRequired: true),
            ]
        ),
        SampleTool(
            name: "plan_week",
            description: "Plans the week, and reports progress after each day.",
            arguments: [SampleTool.pause]
        ),
    ]

    private static let days = ["Monday", "Tuesday", "Wednesday", "Thursday", "Friday"]

    /// Most events.
    private static let maximumEvents = 100

    private var events = [(day: "Monday", title: "Read the gateway's log")]

    mutating func call(_ name: String, _ arguments: ToolArguments) throws(RPCError) -> ToolOutcome {
        switch name {
        case "list_events":
            return ToolOutcome(events.map { "\($0.day): \($0.title)" }.joined(separator: "\n"))
        case "add_event":
            let day = try arguments.string("day")
            let title = try arguments.string("title")
            guard Self.days.contains(day) else { return .failure("A day is one of Monday to Friday.") }
            guard events.count < Self.maximumEvents else { return .failure("The calendar is full.") }
            events.append((day, title))
            return ToolOutcome("Added to \(day): \(title)")
        case "plan_week":
            let plan = Self.days.map { day in "\(day): \(events.count { $0.day == day }) events" }
            var outcome = ToolOutcome(plan.joined(separator: "\n"))
            outcome.steps = Self.days.map { "planned \($0)" }
            outcome.pause = try arguments.pause()
            return outcome
        default: throw RPCError(.invalidParams, "The server has no such tool.")
        }
    }
}
