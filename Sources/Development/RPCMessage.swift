// One JSON-RPC message as MCP allows it, and the errors that answer it.

internal import JSON

/// A single message that a client posted.
struct RPCMessage: Sendable {
    /// `id` of a request, nil for a notification or a response.
    let id: JSONValue?
    /// The method, nil for a response.
    let method: String?
    /// The parameters, nil if there are none.
    let params: JSONObject?

    /// Takes a JSON object that is a request, a notification or a response; nil for anything else.
    init?(_ value: JSONValue) {
        guard let object = value.object, object["jsonrpc"]?.string == "2.0" else { return nil }
        let id = object["id"]
        guard id == nil || id?.string != nil || id?.number?.integer != nil else { return nil }
        guard let method = object["method"] else {
            guard id != nil, object["result"] != nil || object["error"] != nil else { return nil }
            self.id = nil
            self.method = nil
            params = nil
            return
        }
        guard let method = method.string, object["params"] == nil || object["params"]?.object != nil else {
            return nil
        }
        self.id = id
        self.method = method
        params = object["params"]?.object
    }

    /// The member `name` of `params._meta`.
    func meta(_ name: String) -> JSONValue? {
        params?["_meta"]?.object?[name]
    }
}

/// An error of JSON-RPC 2.0 or of MCP.
struct RPCError: Error, Equatable {
    /// The codes that the sample servers use.
    enum Code: Int {
        case parseError = -32700
        case invalidRequest = -32600
        case methodNotFound = -32601
        case invalidParams = -32602
        case headerMismatch = -32020
        case unsupportedProtocolVersion = -32022

        /// The status that revision 2026-07-28 pairs with the code.
        var status: Int { self == .methodNotFound ? 404 : 400 }
    }

    /// The code.
    let code: Code
    /// One sentence.
    let message: String
    /// The version that was asked for, where it is the reason.
    var requestedVersion: String?

    init(_ code: Code, _ message: String, requestedVersion: String? = nil) {
        self.code = code
        self.message = message
        self.requestedVersion = requestedVersion
    }

    /// The response to the request called `id`; without a readable id it carries none.
    func response(to id: JSONValue?, status: Int) -> ExchangeResponse {
        .json(status) { writer in
            writer.object { writer in
                writer.member("jsonrpc", "2.0")
                if let id { writer.member("id", id) }
                writer.name("error")
                writer.object { writer in
                    writer.member("code", code.rawValue)
                    writer.member("message", message)
                    guard let requestedVersion else { return }
                    writer.name("data")
                    writer.object { writer in
                        writer.member("supported", ProtocolRevision.supported)
                        writer.member("requested", requestedVersion)
                    }
                }
            }
        }
    }
}
