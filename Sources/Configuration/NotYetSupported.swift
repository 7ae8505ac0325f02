// What the format describes and the gateway does not do yet: refused, never ignored. Each row goes when its part comes.

internal import JSON

/// The parts of the format that are still missing.
enum NotYetSupported {
    /// Members, by the object that they belong to.
    private static let members: [String: Set<String>] = [:]

    /// Ways to pass a credential on.
    private static let credentials: Set<String> = ["assertion", "exchange"]

    /// Whether `name` is a member of `object` that is still missing.
    static func isMember(_ name: String, of object: String) -> Bool {
        members[object]?.contains(name) ?? false
    }

    /// Reports credentials that are still missing, and tells whether they were.
    static func refuses(credentials node: Node) -> Bool {
        guard let mode = node.value.string, credentials.contains(mode) else { return false }
        node.error("The credentials \"\(mode)\" are not yet supported.", "Use \"forward\" or \"strip\".")
        return true
    }
}
