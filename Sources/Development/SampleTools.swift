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
