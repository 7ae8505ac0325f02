// The rates that an operator can set (`limits.rates`).

internal import Bytes

/// How often principals, clients and addresses may do what; nil is as often as they like.
public struct RateLimits: Sendable, Equatable {
    /// The name that stands for all tools that are not named.
    public static let otherTools = OperationScopes.anyTool

    /// Requests of one principal.
    public var principal: Rate?
    /// Requests of one OAuth client.
    public var client: Rate?
    /// Calls of a tool by one principal at one route, by the tool's name or `otherTools`, which share one bucket: names
    /// are the caller's to invent. nil exempts a tool.
    public var tools: [String: Rate?] = [:]
    /// Refused requests (401 and 403) of one address; beyond, its new tokens are not looked at.
    public var refusals: Rate? = Rate(count: 100, period: 1000, burst: 1000)
    /// TLS handshakes of one address.
    public var handshakes: Rate? = Rate(count: 500, period: 1000, burst: 2000)

    /// Makes the default rates.
    public init() {}

    /// The rate of a tool, with the name of its bucket. A call without a name is one of any tool.
    func rate(ofTool name: String?) -> (bucket: String, rate: Rate)? {
        // Dictionaries compare characters, not octets: another spelling of a name is another tool.
        if let name, let index = tools.index(forKey: name), tools[index].key.isIdentical(to: name) {
            return tools[index].value.map { (name, $0) }
        }
        return (tools[Self.otherTools] ?? nil).map { (Self.otherTools, $0) }
    }
}
