// The sample server that keeps a few events.

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
