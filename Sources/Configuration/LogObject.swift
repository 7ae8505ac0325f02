// The log settings as they are written.

internal import JSON

/// Members of the log settings.
enum LogMember: String, MemberName {
    case level, access

    static let object = "the log settings"
}

/// Members of an access log in a file.
enum AccessLogMember: String, MemberName {
    case file

    static let object = "an access log"
}

extension LogSettings {
    /// Reads log settings; what is absent or reported keeps its default.
    init(_ node: Node) {
        self.init()
        guard let members = ObjectReader(node, of: LogMember.self) else { return }
        if let level = members[.level]?.choice(Level.self) { self.level = level }
        if let access = members[.access].flatMap(Self.access) { self.access = access }
    }

    private static func access(_ node: Node) -> Access? {
        switch node.value.string {
        case "stdout": return .stdout
        case "off": return .off
        case nil where node.value.object != nil:
            guard let members = ObjectReader(node, of: AccessLogMember.self) else { return nil }
            return members.required(.file)?.filePath().map { .file($0) }
        default:
            node.expected("\"stdout\", \"off\" or {\"file\": …}")
            return nil
        }
    }
}
