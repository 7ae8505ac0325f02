// The trace context in `_meta` (SEP-414): found where it is, and never a reason to refuse a message.

import Bytes
import MCP
import Testing

@Suite struct EnvelopeTraceTests {
    private static let parent = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01"

    /// Members of `_meta`, and what is found of the trace.
    @Test(arguments: [
        (#""traceparent":"\#(parent)""#, " traceparent=\(parent)"),
        (#""tracestate":"a=b","traceparent":"\#(parent)""#, " traceparent=\(parent) tracestate=a=b"),
        (#""tracestate":"a\/b=\"\\c\u0041""#, #" tracestate=a/b="\cA"#),
        (#""trace\u0070arent":"x""#, " traceparent=x"),
        // What they say is not looked into here.
        (#""traceparent":"","tracestate":"a\u0000b""#, " traceparent= tracestate=a\0b"),
        // No string, no context.
        (#""traceparent":1,"tracestate":["a=b"]"#, ""), (#""traceparent":null"#, ""),
        (#""traceparent":{"traceparent":"x"}"#, ""),
        // Other spellings are other members: nothing is decided by them.
        (#""Traceparent":"x","TRACESTATE":"y""#, ""),
        (#""traceParent":"x","traceparent":"y""#, " traceparent=y"),
        // A prefix makes another member, and baggage is nobody's business.
        (#""io.modelcontextprotocol/traceparent":"x","baggage":"a=b""#, ""),
    ])
    func `is found by its exact names`(members: String, found: String) {
        let body = #"{"jsonrpc":"2.0","id":1,"method":"m","params":{"_meta":{\#(members)}}}"#
        let reading = Reading(body)
        #expect(reading.violation == nil)
        #expect(reading.messages == ["request id=1 method=m\(found) meta"])
    }

    @Test(arguments: [
        #""traceparent":"x","params":{}"#, #""params":{"traceparent":"x","tracestate":"y"}"#,
        #""_meta":{"traceparent":"x"},"params":{}"#,
        #""params":{"arguments":{"_meta":{"traceparent":"x"}}}"#,
        #""params":{"_meta":[{"traceparent":"x"}]}"#,
    ])
    func `is not found elsewhere`(members: String) {
        let reading = Reading(#"{"jsonrpc":"2.0","id":1,"method":"m",\#(members)}"#)
        #expect(reading.violation == nil)
        #expect(reading.messages == ["request id=1 method=m"])
    }

    @Test(arguments: [(0, true), (1, false), (100_000, false)])
    func `is passed over where it is too long`(excess: Int, isFound: Bool) {
        let text = String(repeating: "x", count: Envelope.maximumTraceLength + excess)
        let body = #"{"jsonrpc":"2.0","id":1,"method":"m","params":{"_meta":{"tracestate":"\#(text)"}}}"#
        let reading = Reading(body)
        #expect(reading.violation == nil)
        let found = isFound ? " tracestate=\(text)" : ""
        #expect(reading.messages == ["request id=1 method=m\(found) meta"])
    }

    @Test(arguments: [
        (#""traceparent":"x","traceparent":"x""#, EnvelopeViolation.duplicateMember),
        (#""tracestate":"x","trace\u0073tate":"y""#, .duplicateMember),
        (#""traceparent":"\x""#, .invalidEscape), (#""traceparent":"\ud800""#, .invalidText),
        (#""traceparent":"x"#, .unexpectedEnd),
    ])
    func `is refused where the text is`(members: String, violation: EnvelopeViolation) {
        let body = #"{"jsonrpc":"2.0","id":1,"method":"m","params":{"_meta":{\#(members)}}}"#
        let reading = Reading(violation == .unexpectedEnd ? String(body.dropLast(4)) : body)
        #expect(reading.violation == violation)
    }
}
