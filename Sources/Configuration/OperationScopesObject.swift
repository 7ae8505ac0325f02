// The scopes of single tools and methods as they are written.

internal import Bytes
internal import JSON
internal import Policy

extension OperationScopes {
    /// Most characters of the name of a tool (MCP 2025-11-25, "Tool Names") or a method.
    static let maximumNameLength = 128

    /// The method that scopes alone hardly ever mean: see the warning.
    private static let handshake = "initialize"

    /// What clients send, in any revision of MCP and its tasks extension: whoever misspells one guards nothing.
    private static let knownMethods = [
        handshake, "ping", "server/discover", "subscriptions/listen", "tools/list", "tools/call",
        "resources/list", "resources/templates/list", "resources/read", "resources/subscribe",
        "resources/unsubscribe", "prompts/list", "prompts/get", "completion/complete", "logging/setLevel",
        "tasks/get", "tasks/list", "tasks/result", "tasks/update", "tasks/cancel",
        "notifications/initialized", "notifications/cancelled", "notifications/progress",
        "notifications/roots/list_changed",
    ]

    /// Reads the scopes of a route's tools and methods; what is absent or reported is left out.
    init(tools: Node?, methods: Node?) {
        self.init(
            tools: tools.map(Self.scopesByTool) ?? [:],
            methods: methods.map(Self.scopesByMethod) ?? [:]
        )
    }

    private static func scopesByTool(_ node: Node) -> [String: [String]] {
        let tools = node.namedChildren("an object with a list of scopes for each tool") ?? []
        let hasRest = tools.contains { $0.value.isIdentical(to: anyTool) }
        var scopes: [String: [String]] = [:]
        for tool in distinctTools(tools) {
            let isExempt = hasRest && !tool.value.isIdentical(to: anyTool)
            scopes[tool.value] = Self.scopes(of: tool.node, mayBeEmpty: isExempt)
        }
        return scopes
    }

    /// The members that are names of tools, or the one for all others; everything else is reported and left out.
    static func distinctTools(_ tools: [Located<String>]) -> [Located<String>] {
        var first: [String: Node] = [:]
        return tools.filter { tool in
            guard tool.value.isIdentical(to: anyTool) || isToolName(tool) else { return false }
            // Dictionaries compare characters: two spellings of one accent are one name there.
            guard let other = first.updateValue(tool.node, forKey: tool.value) else { return true }
            tool.node.errorAtName(
                "The name differs from the one at \(other.line) only by how an accent is encoded.",
                "Name the tool once, as the server spells it."
            )
            return false
        }
    }

    private static func scopesByMethod(_ node: Node) -> [String: [String]] {
        let methods = node.namedChildren("an object with a list of scopes for each method") ?? []
        var scopes: [String: [String]] = [:]
        for method in methods where isMethod(method) {
            scopes[method.value] = Self.scopes(of: method.node, mayBeEmpty: false)
            warnOfMistake(method)
        }
        return scopes
    }

    /// A list of scopes. An empty one says something only where it takes a tool out of what holds for the rest.
    private static func scopes(of node: Node, mayBeEmpty: Bool) -> [String]? {
        guard mayBeEmpty || node.value.array?.isEmpty != true else {
            node.error(
                "The list is empty: nothing more than the route's \"scopes\" would be needed.",
                "Name a scope, or remove the member; only beside \"*\" does an empty list exempt a tool."
            )
            return nil
        }
        return node.scopes().map(\.value)
    }

    private static func isToolName(_ tool: Located<String>) -> Bool {
        guard TextRules.isPrintable(tool.value), tool.value.unicodeScalars.count <= maximumNameLength else {
            tool.node.errorAtName(
                "This is not the name of a tool.",
                "Write 1 to \(maximumNameLength) characters that can be seen, without blanks at the ends."
            )
            return false
        }
        guard !tool.value.utf8.contains(UInt8(ascii: "*")) else {
            tool.node.errorAtName(
                "\"\(tool.value)\" looks like a pattern, and there are none.",
                "Name each tool in full; \"*\" alone stands for all that are not named."
            )
            return false
        }
        return true
    }

    private static func isMethod(_ method: Located<String>) -> Bool {
        guard !method.value.utf8.contains(UInt8(ascii: "*")) else {
            method.node.errorAtName(
                "\"\(method.value)\" looks like a pattern, and there are none.",
                "Name each method in full; what every request needs stands in the route's \"scopes\"."
            )
            return false
        }
        guard TextRules.isVisible(method.value), method.value.utf8.count <= maximumNameLength else {
            method.node.errorAtName(
                "This is not a JSON-RPC method.",
                "Write a name such as \"tools/list\", of at most \(maximumNameLength) visible ASCII characters."
            )
            return false
        }
        return true
    }

    private static func warnOfMistake(_ method: Located<String>) {
        if method.value == handshake {
            method.node.warningAtName(
                "Clients of MCP 2026-07-28 do not send \"initialize\": these scopes bind older ones alone.",
                "Name in \"scopes\" what every request needs, or guard the methods that matter."
            )
        }
        guard !knownMethods.contains(method.value),
            let suggestion = Suggestion.sentence(for: method.value, among: knownMethods)
        else { return }
        method.node.warningAtName("MCP has no method \"\(method.value)\" for clients.", suggestion)
    }
}
