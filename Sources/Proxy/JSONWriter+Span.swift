// The parts of a span in OTLP's JSON: protobuf's mapping, but ids in hexadecimal and enumerations as numbers.

internal import JSON

/// Which side of a call a span describes (opentelemetry.proto.trace.v1.Span.SpanKind).
enum SpanKind: Int {
    case server = 2
    case client = 3
}

extension JSONWriter {
    /// Writes the trace, the span, and its parent unless it has none.
    mutating func identifiers(trace: RequestID, span: UInt64, parent: UInt64?) {
        member("traceId", trace.hexadecimal)
        member("spanId", span.sixteenDigits)
        if let parent { member("parentSpanId", parent.sixteenDigits) }
    }

    /// Writes the flags: that the span is sampled, and whether its parent is known to be in another process or in this.
    mutating func flags(isRemoteChild: Bool) {
        let (sampled, isRemoteKnown, isRemote) = (0x1, 0x100, 0x200)
        member("flags", sampled | isRemoteKnown | (isRemoteChild ? isRemote : 0))
    }

    /// Writes the side of the call.
    mutating func kind(_ kind: SpanKind) {
        member("kind", kind.rawValue)
    }

    /// Writes the beginning and the end, in microseconds since the Unix epoch.
    mutating func times(from start: Int, to end: Int) {
        member("startTimeUnixNano", "\(start)000")
        member("endTimeUnixNano", "\(end)000")
    }

    /// Writes an element of `attributes`.
    mutating func attribute(_ key: StaticString, _ text: String) {
        attribute(key) { $0.member("stringValue", text) }
    }

    /// Writes an element of `attributes`.
    mutating func attribute(_ key: StaticString, _ text: StaticString) {
        attribute(key) { $0.member("stringValue", text) }
    }

    /// Writes an element of `attributes`; integers of 64 bits are strings.
    mutating func attribute(_ key: StaticString, _ number: Int) {
        attribute(key) { $0.member("intValue", "\(number)") }
    }

    private mutating func attribute(_ key: StaticString, value: (inout JSONWriter) -> Void) {
        object { writer in
            writer.member("key", key)
            writer.name("value")
            writer.object(value)
        }
    }

    /// Writes the one link, to a span that is no parent.
    mutating func links(to context: TraceContext) {
        name("links")
        array { writer in
            writer.object { writer in
                writer.member("traceId", context.trace.hexadecimal)
                writer.member("spanId", context.span.sixteenDigits)
            }
        }
    }

    /// Writes that the span ended with an error.
    mutating func failure() {
        name("status")
        object { $0.member("code", 2) }
    }
}
