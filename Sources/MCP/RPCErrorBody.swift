// The errors of JSON-RPC that the gateway answers with.

internal import Bytes
internal import JSON

/// Makes the bodies of JSON-RPC errors (JSON-RPC 2.0 §5.1; MCP: an id that could not be read is left out).
public enum RPCErrorBody {
    /// The text of an error response.
    ///
    /// - Parameters:
    ///   - code: The error code.
    ///   - message: One short sentence.
    ///   - id: The id of the request as it stands in the body (`Envelope.id`); nil leaves the member out.
    /// - Returns: A JSON object in UTF-8.
    public static func text(code: Int, message: String, id: Span<UInt8>?) -> [UInt8] {
        // Not in closures, which cannot hold a span.
        var body = ByteBuffer()
        body.append("{\"jsonrpc\":\"2.0\"")
        if let id {
            body.append(",\"id\":")
            body.append(id)
        }
        body.append(",\"error\":")
        var writer = JSONWriter(reusing: body)
        writer.object { writer in
            writer.member("code", code)
            writer.member("message", message)
        }
        body = writer.finish()
        body.append(UInt8(ascii: "}"))
        return Array(copying: body.span)
    }
}
