// Rates as they are written: `{"count": 100, "per": "1m", "burst": 200}`, or "off".

internal import Bytes
internal import JSON
internal import Policy

/// Members of the rates.
enum RatesMember: String, MemberName {
    case principal, client, tools, refusals, handshakes

    static let object = "the rates"
}

/// Members of a rate.
enum RateMember: String, MemberName {
    case count, per, burst

    static let object = "a rate"
}

extension Rate {
    /// What takes a rate away.
    static let off = "off"

    /// Reads a rate; nil if it is off, and `other` if it was reported.
    static func read(_ node: Node, else other: Rate?) -> Rate? {
        if node.value.string == off { return nil }
        guard node.value.object != nil else {
            node.expected("{\"count\": 100, \"per\": \"1m\"}, with \"burst\" if need be, or \"off\"")
            return other
        }
        guard let members = ObjectReader(node, of: RateMember.self) else { return other }
        let count = members.required(.count)?.count(in: counts)
        let period = members.required(.per)?.quantity(.duration, in: periods)
        let burst = members[.burst]?.count(in: counts)
        guard let count, let period else { return other }
        return Rate(count: count, period: period, burst: burst)
    }
}

extension RateLimits {
    /// Reads rates; those that are absent or reported keep their defaults.
    init(_ node: Node) {
        self.init()
        guard let members = ObjectReader(node, of: RatesMember.self) else { return }
        if let member = members[.principal] { principal = Rate.read(member, else: principal) }
        if let member = members[.client] { client = Rate.read(member, else: client) }
        if let member = members[.tools] { tools = Self.tools(member) }
        if let member = members[.refusals] { refusals = Rate.read(member, else: refusals) }
        if let member = members[.handshakes] { handshakes = Rate.read(member, else: handshakes) }
    }

    private static func tools(_ node: Node) -> [String: Rate?] {
        let tools = node.namedChildren("an object with a rate for each tool") ?? []
        let hasRest = tools.contains { $0.value.isIdentical(to: otherTools) }
        var rates: [String: Rate?] = [:]
        for tool in OperationScopes.distinctTools(tools) {
            if tool.node.value.string == Rate.off, !hasRest || tool.value.isIdentical(to: otherTools) {
                tool.node.error(
                    "Nothing is taken away here.",
                    "Remove the member; only beside \"*\" does \"off\" exempt a tool."
                )
                continue
            }
            rates[tool.value] = .some(Rate.read(tool.node, else: nil))
        }
        return rates
    }
}
