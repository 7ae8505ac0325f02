// The member names that mean something to the gateway, by the object they stand in.

internal import Bytes

/// A member of a message that is looked at; each stands in one kind of object only.
enum Member: UInt8, Sendable {
    case jsonrpc, id, method, params, result, error
    case name, uri, taskID, arguments, meta
    case protocolVersion, clientCapabilities, clientInfo, logLevel
    case traceParent, traceState
}

/// Which members are there.
struct MemberSet: Sendable {
    private var bits: UInt32 = 0

    func contains(_ member: Member) -> Bool {
        bits & Self.bit(member) != 0
    }

    /// Adds `member`; false if it was there.
    mutating func insert(_ member: Member) -> Bool {
        defer { bits |= Self.bit(member) }
        return !contains(member)
    }

    private static func bit(_ member: Member) -> UInt32 { 1 << UInt32(member.rawValue) }
}

/// The objects whose members are looked at, with their reserved names.
enum Level {
    /// The message itself.
    case message
    /// Its `params`.
    case params
    /// `_meta` of `params`.
    case meta

    /// What a member's name is to the gateway.
    enum Recognition {
        case reserved(Member)
        /// Some readers take the name for a reserved one, others do not.
        case variant
        case other
    }

    private struct Entry {
        let name: StaticString
        /// What variants are told by; nil for a name that decides nothing, so that its variants are other names.
        let lowercase: StaticString?
        let member: Member
    }

    private static let messageEntries: InlineArray<6, Entry> = [
        Entry(name: "jsonrpc", lowercase: "jsonrpc", member: .jsonrpc),
        Entry(name: "id", lowercase: "id", member: .id),
        Entry(name: "method", lowercase: "method", member: .method),
        Entry(name: "params", lowercase: "params", member: .params),
        Entry(name: "result", lowercase: "result", member: .result),
        Entry(name: "error", lowercase: "error", member: .error),
    ]

    private static let paramsEntries: InlineArray<5, Entry> = [
        Entry(name: "name", lowercase: "name", member: .name),
        Entry(name: "uri", lowercase: "uri", member: .uri),
        Entry(name: "taskId", lowercase: "taskid", member: .taskID),
        Entry(name: "arguments", lowercase: "arguments", member: .arguments),
        Entry(name: "_meta", lowercase: "_meta", member: .meta),
    ]

    private static let metaEntries: InlineArray<6, Entry> = [
        Entry(
            name: "io.modelcontextprotocol/protocolVersion",
            lowercase: "io.modelcontextprotocol/protocolversion",
            member: .protocolVersion
        ),
        Entry(
            name: "io.modelcontextprotocol/clientCapabilities",
            lowercase: "io.modelcontextprotocol/clientcapabilities",
            member: .clientCapabilities
        ),
        Entry(
            name: "io.modelcontextprotocol/clientInfo",
            lowercase: "io.modelcontextprotocol/clientinfo",
            member: .clientInfo
        ),
        Entry(
            name: "io.modelcontextprotocol/logLevel",
            lowercase: "io.modelcontextprotocol/loglevel",
            member: .logLevel
        ),
        Entry(name: "traceparent", lowercase: nil, member: .traceParent),
        Entry(name: "tracestate", lowercase: nil, member: .traceState),
    ]

    /// Tells what the decoded `name` of a member is.
    func recognise(_ name: borrowing Span<UInt8>) -> Recognition {
        switch self {
        case .message: Self.recognise(name, among: Self.messageEntries)
        case .params: Self.recognise(name, among: Self.paramsEntries)
        case .meta: Self.recognise(name, among: Self.metaEntries)
        }
    }

    /// Rows of fixed length, so that a look-up counts no references.
    private static func recognise<let count: Int>(
        _ name: borrowing Span<UInt8>,
        among entries: borrowing InlineArray<count, Entry>
    ) -> Recognition {
        for index in entries.indices where name.equals(entries[index].name) {
            return .reserved(entries[index].member)
        }
        for index in entries.indices {
            if let lowercase = entries[index].lowercase, name.isCaseVariant(of: lowercase) { return .variant }
        }
        return .other
    }
}
