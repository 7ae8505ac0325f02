// Media ranges, good and odd.

import Bytes
import Testing

@testable import HTTP

@Suite struct `Accepted types` {
    @Test(arguments: [
        ("application/json, text/event-stream", true, true),
        ("application/json,text/event-stream", true, true),
        ("*/*", true, true), ("application/*", true, false), ("text/*;q=0.5", false, true),
        ("APPLICATION/JSON ; q=1 ,\tText/Event-Stream", true, true), ("", false, false),
        (",,;,", false, false),
        ("application/json;q=0, */*", true, true), ("application/json;q=0", false, false),
        ("application/json; Q=0.000", false, false), ("application/json;q = 0", false, false),
        ("application/json;q=0.001", true, false), ("application/json;q=", true, false),
        ("application/json;v=1;q=0", false, false), ("application/json;quality=0", true, false),
        ("application/jsonx, xtext/event-stream", false, false), ("text/event-stream;", false, true),
        ("application/json;q=00", false, false), ("text/html", false, false), (";q=0", false, false),
    ])
    func `are read as RFC 9110 says`(_ field: String, _ json: Bool, _ events: Bool) {
        var accepted = AcceptedTypes()
        accepted.add(field.octets.span)
        #expect(accepted.takesJSON == json)
        #expect(accepted.takesEventStreams == events)
    }

    @Test func `of several fields add up`() {
        var accepted = AcceptedTypes()
        accepted.add("application/json".octets.span)
        accepted.add("text/event-stream".octets.span)
        #expect(accepted.takesJSON && accepted.takesEventStreams)
    }
}
