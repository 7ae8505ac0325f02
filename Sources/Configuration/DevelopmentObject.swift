// The development servers as they are written.

internal import Transport

/// Members of the development setup.
enum DevelopmentMember: String, MemberName {
    case authorizationServer = "authorization_server"
    case servers

    static let object = "the development setup"
}

/// The sample MCP servers.
enum DevelopmentServerMember: String, MemberName {
    case files, calendar

    static let object = "the sample servers"
}

extension DevelopmentSettings {
    /// Reads the development setup, which only listeners on loopback may stand beside; nil if it has an error.
    init?(_ node: Node, beside listeners: [ListenerObject]) {
        Self.check(listeners)
        guard let members = ObjectReader(node, of: DevelopmentMember.self) else { return nil }
        var taken: [String: Node] = [:]
        for address in listeners.compactMap(\.address) { taken["\(address.value)"] = address.node }
        let authorizationServer = members.required(.authorizationServer).flatMap {
            Self.address($0, taken: &taken)
        }
        var servers: [String: String] = [:]
        if let node = members[.servers], let members = ObjectReader(node, of: DevelopmentServerMember.self) {
            for name in DevelopmentServerMember.allCases {
                servers[name.rawValue] = members[name].flatMap { Self.address($0, taken: &taken) }
            }
        }
        guard let authorizationServer else { return nil }
        self.init(authorizationServer: authorizationServer, servers: servers)
    }

    private static func check(_ listeners: [ListenerObject]) {
        for address in listeners.compactMap(\.address) where !address.value.isLoopback {
            address.node.error(
                "Others can reach this listener, and development servers give tokens to everybody.",
                "Let it listen on 127.0.0.1, or remove \"development\"."
            )
        }
    }

    private static func address(_ node: Node, taken: inout [String: Node]) -> String? {
        guard let address = node.socketAddress() else { return nil }
        guard address.isLoopback else {
            node.error("Others could reach this development server.", "Let it listen on 127.0.0.1.")
            return nil
        }
        if let other = taken.updateValue(node, forKey: "\(address)") {
            node.error("The address is taken at \(other.line).", "Choose another port.")
        }
        return "\(address)"
    }
}
