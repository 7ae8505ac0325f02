// How a tool is described.

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
