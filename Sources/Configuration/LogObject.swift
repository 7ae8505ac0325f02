// The log settings as they are written.

internal import JSON

/// Members of the log settings.
enum LogMember: String, MemberName {
    case level, access, audit

    static let object = "the log settings"
}

/// Members of a log in a file.
enum LogFileMember: String, MemberName {
    case file

    static let object = "a log"
}

extension LogSettings {
    /// Reads log settings; what is absent or reported keeps its default.
    init(_ node: Node) {
        self.init()
        guard let members = ObjectReader(node, of: LogMember.self) else { return }
        if let level = members[.level]?.choice(Level.self) { self.level = level }
        if let access = members[.access].flatMap(Self.destination) { self.access = access }
        if let audit = members[.audit].flatMap(Self.destination) { self.audit = audit }
        guard case .file(let path) = access, audit == .file(path) else { return }
        members[.audit]?.error("Both logs go to \"\(path)\".", "Name another file.")
    }

    private static func destination(_ node: Node) -> Destination? {
        switch node.value.string {
        case "stdout": return .stdout
        case "off": return .off
        case nil where node.value.object != nil:
            guard let members = ObjectReader(node, of: LogFileMember.self) else { return nil }
            return members.required(.file)?.filePath().map { .file($0) }
        default:
            node.expected("\"stdout\", \"off\" or {\"file\": …}")
            return nil
        }
    }
}
