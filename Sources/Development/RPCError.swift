// The errors of the sample servers, in the codes of JSON-RPC 2.0 and MCP.

internal import JSON

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
