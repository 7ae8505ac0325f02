// What single operations of a server need, beyond what every request needs.

/// Scopes by JSON-RPC method and by tool.
public struct OperationScopes: Sendable, Equatable {
    /// The name that stands for every tool that is not named.
    public static let anyTool = "*"

    /// Scopes that a `tools/call` of a tool needs, by the tool's name or `anyTool`.
    public let tools: [String: [String]]
    /// Scopes that a message needs, by its method.
    public let methods: [String: [String]]

    /// Makes the rules out of checked parts.
    public init(tools: [String: [String]] = [:], methods: [String: [String]] = [:]) {
        self.tools = tools
        self.methods = methods
    }

    /// Whether there is no rule.
    public var isEmpty: Bool { tools.isEmpty && methods.isEmpty }
}
