// A small MCP server: the protocol of two eras around one set of tools.

internal import Bytes
internal import JSON

/// One MCP endpoint. It keeps no sessions and checks no tokens: the gateway in front of it does.
struct SampleServer: Sendable {
    /// Version that the server reports of itself.
    private static let version = "1.0"

    /// Milliseconds that clients may keep lists.
    private static let listLifetime = 60_000

    private let name: String
    private let path: String
    private var tools: SampleTools

    /// Makes the server called `name`, whose endpoint is at `path`.
    init(_ name: DevelopmentConfiguration.Server.Name, path: String) {
        self.name = name.rawValue
        self.path = path
        switch name {
        case .files: tools = .files
        case .calendar: tools = .calendar(Calendar())
        }
    }

    /// Answers `request`.
    mutating func respond(to request: ExchangeRequest) -> ExchangeResponse {
        guard request.path == path else { return .empty(404) }
        guard request.method == "POST" else { return .methodNotAllowed("POST") }
        guard request.mediaType == "application/json" else { return .empty(415) }
        guard let value = try? JSONReader.read(request.body.span) else {
            return RPCError(.parseError, "The body is not JSON.").response(to: nil, status: 400)
        }
        guard let message = RPCMessage(value) else {
            let error = RPCError(.invalidRequest, "The body has to be one JSON-RPC message.")
            return error.response(to: nil, status: 400)
        }
        do throws(RPCError) {
            let revision = try ProtocolRevision(of: message, in: request)
            guard let id = message.id, let method = message.method else { return .empty(202) }
            return answer(method, message, id, revision, request)
        } catch {
            return error.response(to: message.id, status: 400)
        }
    }

    private mutating func answer(
        _ method: String,
        _ message: RPCMessage,
        _ id: JSONValue,
        _ revision: ProtocolRevision,
        _ request: ExchangeRequest
    ) -> ExchangeResponse {
        do throws(RPCError) {
            switch (method, revision) {
            case ("initialize", .legacy): return initialize(message, id)
            case ("ping", .legacy): return result(id, .legacy) { _ in }
            case ("server/discover", .modern): return discover(id)
            case ("tools/list", _): return list(id, revision)
            case ("tools/call", _): return try call(message, id, revision, request)
            default: throw RPCError(.methodNotFound, "The server has no such method.")
            }
        } catch {
            return error.response(to: id, status: revision == .modern ? error.code.status : 200)
        }
    }

    private func initialize(_ message: RPCMessage, _ id: JSONValue) -> ExchangeResponse {
        let requested = message.params?["protocolVersion"]?.string ?? ""
        let versions = ProtocolRevision.negotiableVersions
        return result(id, .legacy) { writer in
            writer.member("protocolVersion", versions.contains(requested) ? requested : versions[0])
            Self.capabilities(&writer)
            writer.name("serverInfo")
            implementation(&writer)
        }
    }

    private func discover(_ id: JSONValue) -> ExchangeResponse {
        result(id, .modern) { writer in
            writer.member("supportedVersions", ProtocolRevision.supported)
            Self.capabilities(&writer)
            Self.cachingHints(&writer)
        }
    }

    private func list(_ id: JSONValue, _ revision: ProtocolRevision) -> ExchangeResponse {
        result(id, revision) { writer in
            writer.name("tools")
            writer.array { writer in
                for tool in tools.definitions { tool.write(to: &writer) }
            }
            if revision == .modern { Self.cachingHints(&writer) }
        }
    }

    private mutating func call(
        _ message: RPCMessage,
        _ id: JSONValue,
        _ revision: ProtocolRevision,
        _ request: ExchangeRequest
    ) throws(RPCError) -> ExchangeResponse {
        guard let name = message.params?["name"]?.string else {
            throw RPCError(.invalidParams, "params.name is missing.")
        }
        let arguments = ToolArguments(message.params?["arguments"]?.object)
        let outcome: ToolOutcome
        if name == SampleTool.whoami.name {
            outcome = ToolOutcome(
                ForwardedToken.claims(of: request) ?? "No readable token reached this server."
            )
        } else {
            outcome = try tools.call(name, arguments)
        }
        let result = result(id, revision) { writer in outcome.write(to: &writer) }
        guard let token = message.meta("progressToken"), !outcome.steps.isEmpty,
            request.values(of: "accept").joined(separator: ",").contains("text/event-stream"),
            case .bytes(let last) = result.content
        else { return result }
        let progress = outcome.steps.enumerated().map { index, step in
            let data = Self.progress(token, step, index + 1, of: outcome.steps.count)
            return ExchangeResponse.Event(delay: outcome.pause, data: data)
        }
        return .stream(progress + [ExchangeResponse.Event(delay: outcome.pause, data: last)])
    }

    /// The response to the request called `id`, whose result has the members that `body` writes.
    private func result(
        _ id: JSONValue,
        _ revision: ProtocolRevision,
        _ body: (inout JSONWriter) -> Void
    ) -> ExchangeResponse {
        .json(200) { writer in
            writer.object { writer in
                writer.member("jsonrpc", "2.0")
                writer.member("id", id)
                writer.name("result")
                writer.object { writer in
                    body(&writer)
                    guard revision == .modern else { return }
                    writer.member("resultType", "complete")
                    writer.name("_meta")
                    writer.object { writer in
                        writer.name("io.modelcontextprotocol/serverInfo")
                        implementation(&writer)
                    }
                }
            }
        }
    }

    private func implementation(_ writer: inout JSONWriter) {
        writer.object { writer in
            writer.member("name", "audgate-sample-\(name)")
            writer.member("version", Self.version)
        }
    }

    private static func capabilities(_ writer: inout JSONWriter) {
        writer.name("capabilities")
        writer.object { writer in
            writer.name("tools")
            writer.object { _ in }
        }
    }

    private static func cachingHints(_ writer: inout JSONWriter) {
        writer.member("ttlMs", listLifetime)
        writer.member("cacheScope", "private")
    }

    private static func progress(_ token: JSONValue, _ step: String, _ number: Int, of total: Int) -> [UInt8]
    {
        jsonBytes { writer in
            writer.object { writer in
                writer.member("jsonrpc", "2.0")
                writer.member("method", "notifications/progress")
                writer.name("params")
                writer.object { writer in
                    writer.member("progressToken", token)
                    writer.member("progress", number)
                    writer.member("total", total)
                    writer.member("message", step)
                }
            }
        }
    }
}
