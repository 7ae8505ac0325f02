// Which MCP revision a message is written in, and whether its fields agree with it.

internal import Bytes
internal import JSON

/// The two ways in which MCP messages travel, told apart by their version field.
enum ProtocolRevision {
    /// Revisions with a handshake.
    case legacy
    /// 2026-07-28: each request describes itself.
    case modern

    /// The revision of the modern way.
    static let modernVersion = "2026-07-28"

    /// The revisions that `initialize` agrees on, the newest first.
    static let negotiableVersions = ["2025-11-25", "2025-06-18"]

    /// All that is spoken, as `server/discover` says it.
    static let supported = [modernVersion] + negotiableVersions

    /// Versions that a legacy request may name: a request without one means 2025-03-26.
    private static let legacyVersions = negotiableVersions + ["2025-03-26"]

    /// Name of the `_meta` member with the version.
    private static let versionKey = "io.modelcontextprotocol/protocolVersion"

    /// Name of the `_meta` member with what the client can do.
    private static let capabilitiesKey = "io.modelcontextprotocol/clientCapabilities"

    /// Decides the revision of `message`, which came with the fields of `request`.
    ///
    /// - Throws: What revision 2026-07-28 answers where body and fields are incomplete or disagree.
    init(of message: RPCMessage, in request: ExchangeRequest) throws(RPCError) {
        for name in ["mcp-protocol-version", "mcp-method", "mcp-name"]
        where request.values(of: name).count > 1 {
            throw RPCError(.headerMismatch, "\(name) appears more than once.")
        }
        let version = request.value(of: "mcp-protocol-version")
        let named = message.meta(Self.versionKey)?.string
        guard let version, !Self.legacyVersions.contains(version) else {
            guard named == nil || named == version else {
                throw RPCError(.headerMismatch, "MCP-Protocol-Version and the version in _meta differ.")
            }
            self = .legacy
            return
        }
        if message.id != nil {
            try Self.checkModern(message, version, request)
        } else {
            guard message.method != nil else {
                throw RPCError(.invalidRequest, "A client sends no responses in this revision.")
            }
        }
        guard version == Self.modernVersion else {
            throw RPCError(
                .unsupportedProtocolVersion,
                "This protocol version is not supported.",
                requestedVersion: version
            )
        }
        self = .modern
    }

    /// Compares the body of a modern request with the fields that mirror it.
    private static func checkModern(
        _ message: RPCMessage,
        _ version: String,
        _ request: ExchangeRequest
    ) throws(RPCError) {
        guard let named = message.meta(versionKey)?.string, message.meta(capabilitiesKey)?.object != nil
        else {
            throw RPCError(.invalidParams, "_meta has to carry \(versionKey) and \(capabilitiesKey).")
        }
        guard named == version else {
            throw RPCError(.headerMismatch, "MCP-Protocol-Version and the version in _meta differ.")
        }
        guard request.value(of: "mcp-method") == message.method else {
            throw RPCError(.headerMismatch, "Mcp-Method is missing or differs from the method.")
        }
        guard message.method == "tools/call", let name = message.params?["name"]?.string else { return }
        guard decoded(request.value(of: "mcp-name")) == name else {
            throw RPCError(.headerMismatch, "Mcp-Name is missing or differs from the name in params.")
        }
    }

    /// The text of a mirrored field, whose base64 form is resolved; nil if that form is broken.
    static func decoded(_ value: String?) -> String? {
        guard let value, value.hasPrefix("=?base64?"), value.hasSuffix("?="), value.utf8.count >= 11 else {
            return value
        }
        guard let bytes = Base64.decode(value.dropFirst(9).dropLast(2)) else { return nil }
        return String(validating: bytes.span)
    }
}
