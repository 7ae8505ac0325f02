// A value of the configuration together with its place, and how it is read as one of the few simple kinds.

internal import JSON

/// A value with its place. Each reading function reports what does not fit and then gives nil.
struct Node {
    let value: JSONValue
    /// Offset of the member's name, nil for what is not a member.
    let nameOffset: Int?
    let pointer: String
    let text: SourceText
    let findings: Findings

    /// The place for messages about another place: `file:line`.
    var line: String { "\(text.name):\(text.position(of: value.offset).line)" }

    /// Reports an error at the value.
    func error(_ problem: String, _ remedy: String) {
        findings.add(.error, in: text, at: value.offset, pointer, problem, remedy)
    }

    /// Reports an error at the member's name.
    func errorAtName(_ problem: String, _ remedy: String) {
        findings.add(.error, in: text, at: nameOffset ?? value.offset, pointer, problem, remedy)
    }

    /// Reports a warning at the value.
    func warning(_ problem: String, _ remedy: String) {
        findings.add(.warning, in: text, at: value.offset, pointer, problem, remedy)
    }

    /// Reports a warning at the member's name.
    func warningAtName(_ problem: String, _ remedy: String) {
        findings.add(.warning, in: text, at: nameOffset ?? value.offset, pointer, problem, remedy)
    }

    /// Reports that something of another type stands here.
    func expected(_ what: String) {
        let kind = value.kindName
        error("\(kind.prefix(1).uppercased())\(kind.dropFirst()) cannot stand here.", "Write \(what).")
    }

    /// The value of a member of this object.
    func child(_ member: JSONObject.Member) -> Node {
        Node(
            value: member.value,
            nameOffset: member.nameOffset,
            pointer: "\(pointer)/\(JSONPointer.escaped(member.name))",
            text: text,
            findings: findings
        )
    }

    /// The members of an object whose names the operator chooses.
    func namedChildren(_ what: String) -> [Located<String>]? {
        guard let object = value.object else {
            expected(what)
            return nil
        }
        return object.members.map { Located(value: $0.name, node: child($0)) }
    }

    /// The elements of an array.
    func elements(_ what: String) -> [Node]? {
        guard let array = value.array else {
            expected(what)
            return nil
        }
        return array.enumerated().map { index, element in
            Node(
                value: element,
                nameOffset: nil,
                pointer: "\(pointer)/\(index)",
                text: text,
                findings: findings
            )
        }
    }

    /// The elements of an array that may not be empty.
    func nonEmptyElements(_ what: String, because reason: String) -> [Node]? {
        guard let elements = elements(what) else { return nil }
        guard elements.isEmpty else { return elements }
        error("The list is empty.", reason)
        return nil
    }

    /// A string.
    func string(_ what: String = "a string") -> String? {
        guard let string = value.string else {
            expected(what)
            return nil
        }
        return string
    }

    /// A list of strings without repetition; elements that do not fit are reported and left out.
    func distinctStrings(_ what: String) -> [Located<String>]? {
        guard let elements = elements(what) else { return nil }
        return Self.distinct(elements)
    }

    /// The strings among `elements`; everything else and repetitions are reported and left out.
    static func distinct(_ elements: [Node]) -> [Located<String>] {
        var seen: Set<String> = []
        return elements.compactMap { element in
            guard let string = element.string() else { return nil }
            guard seen.insert(string).inserted else {
                element.error("\"\(string)\" stands in this list twice.", "Keep one of them.")
                return nil
            }
            return Located(value: string, node: element)
        }
    }

    /// A truth value.
    func bool() -> Bool? {
        guard let bool = value.bool else {
            expected("true or false")
            return nil
        }
        return bool
    }

    /// One of the words of `Choice`.
    func choice<Choice: RawRepresentable<String> & CaseIterable>(_ type: Choice.Type) -> Choice? {
        let words = Choice.allCases.map(\.rawValue)
        let list = words.map { "\"\($0)\"" }.joined(separator: " or ")
        guard let string = string(list) else { return nil }
        if let choice = Choice(rawValue: string) { return choice }
        error(
            "\"\(string)\" is unknown here.",
            Suggestion.sentence(for: string, among: words) ?? "Write \(list)."
        )
        return nil
    }

    /// A path of the file system, relative to the file that it stands in.
    func filePath() -> String? {
        guard let path = string("the path of a file") else { return nil }
        guard !path.isEmpty, !path.utf8.contains(0) else {
            error("This is not the path of a file.", "Name a file; relative paths are relative to this file.")
            return nil
        }
        return text.source.resolve(path)
    }
}

/// Something that was read, with the node that it was read from.
struct Located<Value> {
    let value: Value
    let node: Node
}
