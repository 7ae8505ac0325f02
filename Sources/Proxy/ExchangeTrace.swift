// Where one exchange stands in a trace, and what its server is told of that.

internal import HTTP

/// The trace that an exchange belongs to, and the gateway's own span in it for the request to the server.
struct ExchangeTrace {
    /// What the exchange continues: the context of its message, else that of its head; nil if the trace begins here.
    var parent: TraceContext?
    /// Whether `parent` is that of the message (SEP-414).
    var isOfMessage = false
    /// The `tracestate` that came with the message's context, if it is valid.
    var messageState: [UInt8]?
    /// The context of the head, where that of the message is the parent.
    var link: TraceContext?
    /// The span of the request to the server; 0 until the request has one.
    var clientSpan: UInt64 = 0
    /// Microseconds of the monotonic clock when the request was let through to the server; 0 if it was not.
    var forwardedAt = 0
}

/// What a server is told of the trace that its request belongs to.
enum ForwardedTrace {
    /// What the client's own fields say, unchanged.
    case unchanged
    /// A context of the gateway's own, and the `tracestate` that came with its parent.
    case own(TraceContext, State)

    /// Where a `tracestate` is.
    enum State {
        /// There is none, or none that is valid.
        case none
        /// In the fields of the request.
        case fields
        /// In the message.
        case message([UInt8])
    }
}
