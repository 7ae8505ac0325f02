// What a message asks for beyond the route: scopes by method and by tool, from the body alone.

internal import Bytes
internal import JOSE
internal import MCP

/// Scopes of single operations.
public enum OperationRule {
    /// The scopes that the messages need and the token lacks, each once, in the order of the messages.
    static func missing(
        _ envelope: borrowing Envelope,
        in body: borrowing Span<UInt8>,
        at route: Route,
        from granted: [String],
        implications: [String: Set<String>]
    ) -> [String] {
        guard !route.operations.isEmpty else { return [] }
        var required: [String] = []
        for message in envelope.messages {
            guard let method = message.method else { continue }
            required += route.operations.methods[envelope.string(method, in: body)] ?? []
            guard envelope.equals(method, "tools/call", in: body) else { continue }
            required += scopes(ofTool: message.name.map { envelope.string($0, in: body) }, at: route)
        }
        var missing: [String] = []
        for scope in ScopeRule.missing(required, from: granted, implications: implications)
        where !missing.contains(where: { $0.isIdentical(to: scope) }) {
            missing.append(scope)
        }
        return missing
    }

    /// The scopes that a call of a tool needs besides those of the route. A call without a name is one of any tool.
    private static func scopes(ofTool name: String?, at route: Route) -> [String] {
        let tools = route.operations.tools
        // Dictionaries compare characters, not octets: another spelling of a name is another tool.
        if let name, let index = tools.index(forKey: name), tools[index].key.isIdentical(to: name) {
            return tools[index].value
        }
        return tools[OperationScopes.anyTool] ?? []
    }

    /// Whether the token may call the tool of this name.
    public static func mayCall(
        _ tool: borrowing Span<UInt8>,
        at route: Route,
        as principal: Principal,
        implications: [String: Set<String>]
    ) -> Bool {
        let required =
            (route.operations.methods["tools/call"] ?? []) + scopes(ofTool: String(lossy: tool), at: route)
        return ScopeRule.missing(required, from: principal.token.scopes, implications: implications).isEmpty
    }
}
