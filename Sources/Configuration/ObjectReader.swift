// Reads an object member by member and reports the members that nobody knows.

internal import JSON

/// The members of one kind of object. The cases are the whole list: what is not among them is refused.
protocol MemberName: RawRepresentable<String>, CaseIterable, Sendable {
    /// What the object is, with its article, for messages.
    static var object: String { get }
}

extension MemberName {
    /// The names as they stand in a file.
    static var names: [String] { allCases.map(\.rawValue) }
}

/// An object whose members are all known.
struct ObjectReader<Name: MemberName> {
    let node: Node
    private var members: [String: Node] = [:]

    /// Opens the object at `node`; anything else than an object is reported, and so are unknown members.
    init?(_ node: Node, of type: Name.Type) {
        guard let object = node.value.object else {
            node.expected("\(Name.object) as an object")
            return nil
        }
        self.node = node
        for member in object.members {
            let child = node.child(member)
            if Name(rawValue: member.name) != nil {
                members[member.name] = child
            } else {
                Self.refuse(member.name, child)
            }
        }
    }

    /// The value of a member, nil if it is absent.
    subscript(name: Name) -> Node? { members[name.rawValue] }

    /// The value of a member that has to be there; its absence is reported.
    func required(_ name: Name) -> Node? {
        if let member = self[name] { return member }
        node.error("The member \"\(name.rawValue)\" is missing.", "Add it: \(Name.object) needs it.")
        return nil
    }

    /// What `read` makes of a member, nil if it is absent; where `read` gives nil `isWhole` becomes false.
    func optional<Value>(_ name: Name, _ isWhole: inout Bool, _ read: (Node) -> Value?) -> Value? {
        guard let member = self[name] else { return nil }
        let value = read(member)
        if value == nil { isWhole = false }
        return value
    }

    private static func refuse(_ name: String, _ child: Node) {
        if NotYetSupported.isMember(name, of: Name.object) {
            child.errorAtName("\"\(name)\" is not yet supported.", "Remove it.")
            return
        }
        let list = Name.names.map { "\"\($0)\"" }.joined(separator: ", ")
        child.errorAtName(
            "\"\(name)\" is unknown here.",
            Suggestion.sentence(for: name, among: Name.names) ?? "Members of \(Name.object): \(list)."
        )
    }
}
