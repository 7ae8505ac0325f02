// Which member of the body `Mcp-Name` repeats, by method: a new method is a new entry.

/// A method whose requests carry `Mcp-Name` (MCP 2026-07-28, "Standard Request Headers"; tasks extension).
struct MirrorRule: Sendable {
    /// The method.
    let method: StaticString
    /// The member of `params` that is repeated.
    let source: Member
    /// Whether the field has to be there when the member is.
    let isRequired: Bool

    /// All methods with such a rule. Of the tasks extension one official client leaves the field out.
    static let all = [
        MirrorRule(method: "tools/call", source: .name, isRequired: true),
        MirrorRule(method: "prompts/get", source: .name, isRequired: true),
        MirrorRule(method: "resources/read", source: .uri, isRequired: true),
        MirrorRule(method: "tasks/get", source: .taskID, isRequired: false),
        MirrorRule(method: "tasks/update", source: .taskID, isRequired: false),
        MirrorRule(method: "tasks/cancel", source: .taskID, isRequired: false),
    ]

    /// What other methods may repeat.
    static let otherSources: [Member] = [.name, .uri, .taskID]
}
