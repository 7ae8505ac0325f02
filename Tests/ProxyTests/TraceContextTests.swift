// What is a trace context and what only looks like one; what servers are told of it.

import Bytes
import HTTP
import HTTP1
import Policy
import Testing

@testable import Proxy

extension TraceContext {
    /// Reads `text`.
    init?(text: String) {
        let octets = text.octets
        self.init(octets.span)
    }
}

@Suite struct `A trace context` {
    private static let trace = "0af7651916cd43dd8448eb211c80319c"
    private static let good = "00-\(trace)-b7ad6b7169203331-01"

    private static let texts: [(String, Bool)] = [
        (good, true), ("00-\(trace)-b7ad6b7169203331-00", true), ("00-\(trace)-b7ad6b7169203331-ff", true),
        ("00-00000000000000000000000000000001-0000000000000001-00", true),
        ("01-\(trace)-b7ad6b7169203331-01", false), ("ff-\(trace)-b7ad6b7169203331-01", false),
        ("00-\(trace)-0000000000000000-01", false),
        ("00-00000000000000000000000000000000-b7ad6b7169203331-01", false), ("", false), ("00-", false),
        ("00-\(trace.uppercased())-b7ad6b7169203331-01", false), (good + "-x", false), (good + " ", false),
        (" " + good, false), (good + "," + good, false), (String(good.dropLast()), false),
        ("00-\(trace)-b7ad6b7169203331-0g", false), ("00-\(trace)-b7ad6b7169203331-0A", false),
        ("00_\(trace)-b7ad6b7169203331-01", false),
        ("00-\(trace)_b7ad6b7169203331-01", false), ("00-\(trace)-b7ad6b7169203331_01", false),
        ("00-\(trace)\"b7ad6b7169203331-01", false), ("00-\(trace)-B7ad6b7169203331-01", false),
        ("00-\(String(trace.dropLast()))\u{0}-b7ad6b7169203331-01", false),
        ("00-\(String(trace.dropLast(2)))é-b7ad6b7169203331-01", false),
    ]

    @Test(arguments: texts)
    func `is told from what only looks like one`(_ text: String, _ isValid: Bool) {
        let context = TraceContext(text: text)
        #expect((context != nil) == isValid)
    }

    @Test(arguments: [("00", false), ("01", true), ("02", false), ("03", true), ("fe", false), ("ff", true)])
    func `is sampled by one flag`(_ flags: String, _ isSampled: Bool) {
        let context = TraceContext(text: "00-\(Self.trace)-b7ad6b7169203331-\(flags)")
        #expect(context?.isSampled == isSampled)
        #expect(context?.span == 0xb7ad_6b71_6920_3331)
    }

    @Test(arguments: ["00", "01"])
    func `is written as it was read`(_ flags: String) throws {
        let text = "00-\(Self.trace)-b7ad6b7169203331-\(flags)"
        let context = try #require(TraceContext(text: text))
        var buffer = ByteBuffer()
        context.append(to: &buffer)
        #expect(String(lossy: buffer.span) == text)
    }

    @Test func `gives the request its id, and a new id is never zero`() throws {
        let context = try #require(TraceContext(text: Self.good))
        #expect(context.trace.hexadecimal == Self.trace)
        var buffer = ByteBuffer()
        context.trace.append(to: &buffer)
        #expect(String(lossy: buffer.span) == Self.trace)
        #expect(RequestID(0, 0).hexadecimal == "00000000000000000000000000000001")
    }

    /// Fields of a request, and whether they are a context.
    private static let fields: [([String], Bool)] = [
        (["traceparent: \(good)"], true), (["TraceParent:  \(good)  "], true), ([], false),
        (["traceparent: \(good)", "traceparent: \(good)"], false),
        (["traceparent: \(good)", "Traceparent: "], false), (["tracestate: a=b"], false),
        (["trace-parent: \(good)"], false),
    ]

    @Test(arguments: fields)
    func `stands in exactly one field`(_ fields: [String], _ isContext: Bool) throws {
        let context = TraceContext(of: try Self.request(fields))
        #expect((context != nil) == isContext)
    }

    /// A list, and whether it is one.
    private static let lists: [(String, Bool)] = [
        ("a=b", true), ("rojo=00f067aa0ba902b7,congo=t61rcWkgMzE", true), ("a=b , c=d", true),
        ("a=b,,c=d,", true), ("fw529a3039@dt=FfffR4;1", true),
        ("0a_-*/@x= b!\"#$%&'()+-./:;<>?@[\\]^_`{|}~", true),
        ("a=b\t,\tc=d", true), (String(repeating: "k", count: 256) + "=v", true),
        ("k=" + String(repeating: "v", count: 256), true),
        ((0..<32).map { "k\($0)=v" }.joined(separator: ","), true),
        ("", false), (",", false), (" , ,", false), ("a", false), ("a=", false), ("=b", false),
        ("a= ", false),
        ("a=b=c", false), ("A=b", false), ("_a=b", false), ("a b=c", false), ("a =b", false), ("ä=b", false),
        ("a=ä", false), ("a=\u{7F}", false), ("a=b\r\nX-Evil: 1", false), ("a=b\nc", false),
        ("a=b\u{0}", false),
        ("a=b\tc", false), ("a=b,c", false), (String(repeating: "k", count: 257) + "=v", false),
        ("k=" + String(repeating: "v", count: 257), false),
        ((0..<33).map { "k\($0)=v" }.joined(separator: ","), false),
    ]

    @Test(arguments: lists)
    func `has a state that is told from what only looks like one`(_ list: String, _ isValid: Bool) {
        let verdict = TraceState.isValid(list.octets.span)
        #expect(verdict == isValid)
    }

    /// Fields of a request, and whether they are one list.
    private static let states: [([String], Bool)] = [
        (["tracestate: a=b"], true), (["tracestate: a=b", "tracestate: ", "tracestate: c=d"], true),
        ([], false),
        (["tracestate: "], false), (["tracestate: a=b", "tracestate: c"], false),
        ((0..<33).map { "tracestate: k\($0)=v" }, false), ((0..<32).map { "tracestate: k\($0)=v" }, true),
    ]

    @Test(arguments: states)
    func `has a state in one field or several`(_ fields: [String], _ isValid: Bool) throws {
        let verdict = TraceState.isValid(of: try Self.request(fields))
        #expect(verdict == isValid)
    }

    static func request(_ fields: [String]) throws -> RequestHead {
        let lines = (["GET / HTTP/1.1", "Host: x"] + fields).joined(separator: "\r\n")
        var head = RequestHead()
        var parser = RequestParser(limits: MessageLimits())
        let length = try parser.parse((lines + "\r\n\r\n").octets.span, into: &head)
        #expect(length != nil)
        return head
    }
}

@Suite struct `What a server is told of a trace` {
    private static let parent = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"

    private static func told(_ trace: ForwardedTrace, of fields: [String]) throws -> [String] {
        let request = try `A trace context`.request(fields)
        let upstream = Upstream(endpoints: [], credentials: .strip, connectTimeout: 1, responseTimeout: 1)
        let route = Route(
            resource: try ResourceURI("https://gw.example/a"),
            issuers: [],
            issuerURIs: [],
            upstream: upstream
        )
        let facts = UpstreamRequest.Facts(
            route: route,
            endpoint: Endpoint(host: "s", port: 1, authority: "s:1", path: "/"),
            framing: .none,
            clientHost: "192.0.2.1",
            trace: trace,
            subpath: .empty,
            target: nil,
            sessionID: nil,
            rules: ForwardedFields.RequestRules(credentials: .strip, isLegacy: true, isRewritten: false)
        )
        var buffer = ByteBuffer()
        UpstreamRequest.append(request, facts: facts, to: &buffer)
        return String(lossy: buffer.span).split(separator: "\r\n").map(String.init)
            .filter { $0.lowercased().hasPrefix("trace") }
    }

    private static let fields = ["traceparent: \(parent)", "tracestate: a=b", "tracestate: c=d"]

    @Test func `is what the client said, or what the gateway says, and never both`() throws {
        let own = try #require(TraceContext(text: "00-1af7651916cd43dd8448eb211c80319c-c7ad6b7169203331-00"))
        let line = "traceparent: 00-1af7651916cd43dd8448eb211c80319c-c7ad6b7169203331-00"
        let state = Array("x=y".utf8)
        #expect(try Self.told(.unchanged, of: Self.fields) == Self.fields)
        #expect(try Self.told(.own(own, .none), of: Self.fields) == [line])
        #expect(
            try Self.told(.own(own, .fields), of: Self.fields)
                == [line, "tracestate: a=b", "tracestate: c=d"]
        )
        #expect(try Self.told(.own(own, .message(state)), of: Self.fields) == [line, "tracestate: x=y"])
    }
}
