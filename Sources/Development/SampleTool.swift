// Tools in general: how one is described, called and answered.

internal import JSON

/// The definition of a tool, as `tools/list` gives it.
struct SampleTool: Sendable {
    /// An argument of a tool.
    struct Argument: Sendable {
        /// Its name.
        let name: StaticString
        /// Its JSON Schema type.
        let type: String
        /// Whether the tool needs it.
        let isRequired: Bool
    }

    /// Its name.
    let name: String
    /// One sentence for the model.
    let description: String
    /// Its arguments.
    let arguments: [Argument]

    /// The tool that both servers have: it shows what the gateway forwarded.
    static let whoami = SampleTool(
        name: "whoami",
        description: "Shows the claims of the access token that reached this server.",
        arguments: []
    )

    /// The pause between two steps of a tool that reports progress.
    static let pause = Argument(name: "pause_ms", type: "integer", isRequired: false)

    /// Writes the definition as an object.
    func write(to writer: inout JSONWriter) {
        writer.object { writer in
            writer.member("name", name)
            writer.member("description", description)
            writer.name("inputSchema")
            writer.object { writer in
                writer.member("type", "object")
                writer.name("properties")
                writer.object { writer in
                    for argument in arguments {
                        writer.name(argument.name)
                        writer.object { writer in writer.member("type", argument.type) }
                    }
                }
                let required = arguments.filter(\.isRequired).map { "\($0.name)" }
                if !required.isEmpty { writer.member("required", required) }
            }
        }
    }
}

/// The arguments of a call.
struct ToolArguments: Sendable {
    /// Longest string argument in bytes.
    static let maximumLength = 4096

    private let object: JSONObject?

    init(_ object: JSONObject?) {
        self.object = object
    }

    /// The string called `name`.
    func string(_ name: String) throws(RPCError) -> String {
        guard let string = object?[name]?.string, string.utf8.count <= Self.maximumLength else {
            throw RPCError(.invalidParams, "The argument \(name) has to be a string of reasonable length.")
        }
        return string
    }

    /// The pause that the caller wishes, 300 milliseconds if none, 10 seconds at most.
    func pause() throws(RPCError) -> Int {
        guard let value = object?["pause_ms"] else { return 300 }
        guard let pause = value.number?.integer, (0...10_000).contains(pause) else {
            throw RPCError(.invalidParams, "The argument pause_ms has to be a number from 0 to 10000.")
        }
        return pause
    }
}

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
