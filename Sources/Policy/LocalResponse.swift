// An answer that the gateway gives by itself.

internal import Bytes
internal import JSON
internal import MCP

/// A complete response without a server behind it.
public struct LocalResponse: Sendable {
    /// A field of the response.
    public struct Field: Sendable {
        /// The name.
        public let name: StaticString
        /// The value, free of line ends.
        public let value: String

        /// Makes a field.
        public init(_ name: StaticString, _ value: String) {
            self.name = name
            self.value = value
        }
    }

    /// The status code.
    public var status: Int
    /// Why.
    public var reason: Reason
    /// Fields beside framing and date.
    public var fields: [Field] = []
    /// The content, empty for none.
    public var body: [UInt8] = []
    /// The route that the request was for, if that was known.
    public var route: RouteID?
    /// Whose token it was, if one was verified.
    public var principal: Principal?
    /// The route that a refused token was issued for, if it was for one of this gateway.
    public var intendedRoute: RouteID?

    /// Makes a response without content.
    public init(status: Int, reason: Reason, fields: [Field] = []) {
        self.status = status
        self.reason = reason
        self.fields = fields
    }

    /// Makes the refusal of a request: status and error body of `Answer`.
    public init(refusing reason: Reason) {
        let answer = Answer(reason)
        status = answer.status
        self.reason = reason
        fields = [Field("Content-Type", "application/json"), Field("Cache-Control", "no-store")]
        var writer = JSONWriter()
        writer.object { writer in
            writer.member("error", answer.error)
            writer.member("error_description", answer.sentence)
        }
        let text = writer.finish()
        body = Array(copying: text.span)
        if status == 503 { add("Retry-After", "5") }
    }

    /// Makes the refusal of a message: the status of `Answer`, and a JSON-RPC error.
    ///
    /// - Parameters:
    ///   - reason: Why.
    ///   - code: The JSON-RPC error code.
    ///   - id: The message's id as it stands in the body; nil leaves the member out.
    public init(refusing reason: Reason, code: Int, id: [UInt8]?) {
        let answer = Answer(reason)
        status = answer.status
        self.reason = reason
        fields = [Field("Content-Type", "application/json"), Field("Cache-Control", "no-store")]
        body = RPCErrorBody.text(code: code, message: answer.sentence, id: id?.span)
    }

    /// Adds a field.
    public mutating func add(_ name: StaticString, _ value: String) {
        fields.append(Field(name, value))
    }
}
