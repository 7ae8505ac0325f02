// What a development server answers: a whole body, or events at their time.

internal import Bytes
internal import JSON

/// A response, complete or as a stream of events.
struct ExchangeResponse: Sendable {
    /// One event of a stream (`text/event-stream`).
    struct Event: Sendable, Equatable {
        /// Milliseconds to wait after the event before.
        let delay: Int
        /// One line of data.
        let data: [UInt8]
    }

    /// What follows the head.
    enum Content: Sendable {
        /// A body of known length.
        case bytes([UInt8])
        /// Events, sent one by one; the stream ends after the last.
        case events([Event])
    }

    /// The status code.
    let status: Int
    /// The fields, without those that frame the content.
    var fields: [ExchangeRequest.Field]
    /// What follows the head.
    let content: Content

    /// A response without content.
    static func empty(_ status: Int) -> ExchangeResponse {
        ExchangeResponse(status: status, fields: [], content: .bytes([]))
    }

    /// A response whose body is the JSON text that `body` writes; nobody stores it.
    static func json(_ status: Int, _ body: (inout JSONWriter) -> Void) -> ExchangeResponse {
        let fields = [
            ExchangeRequest.Field(name: "content-type", value: "application/json"),
            ExchangeRequest.Field(name: "cache-control", value: "no-store"),
        ]
        return ExchangeResponse(status: status, fields: fields, content: .bytes(jsonBytes(body)))
    }

    /// A stream of `events`.
    static func stream(_ events: [Event]) -> ExchangeResponse {
        let fields = [
            ExchangeRequest.Field(name: "content-type", value: "text/event-stream"),
            ExchangeRequest.Field(name: "cache-control", value: "no-cache"),
            ExchangeRequest.Field(name: "x-accel-buffering", value: "no"),
        ]
        return ExchangeResponse(status: 200, fields: fields, content: .events(events))
    }

    /// The answer to a method that this resource does not have.
    static func methodNotAllowed(_ allowed: String) -> ExchangeResponse {
        empty(405).adding("allow", allowed)
    }

    /// The response with one more field.
    func adding(_ name: String, _ value: String) -> ExchangeResponse {
        var response = self
        response.fields.append(ExchangeRequest.Field(name: name, value: value))
        return response
    }
}

/// The bytes of the JSON text that `body` writes.
func jsonBytes(_ body: (inout JSONWriter) -> Void) -> [UInt8] {
    var writer = JSONWriter()
    body(&writer)
    let buffer = writer.finish()
    return [UInt8](copying: buffer.span)
}
