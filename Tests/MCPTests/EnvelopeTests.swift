// What the envelope finds in bodies that are what MCP sends.

import Bytes
import MCP
import Testing

@Suite struct EnvelopeTests {
    /// A body, and its messages as `Reading` writes them.
    static let messages: [(String, String)] = [
        (#"{"jsonrpc":"2.0","id":1,"method":"tools/list"}"#, "request id=1 method=tools/list"),
        (#"{"jsonrpc":"2.0","id":"a\"b","method":"x"}"#, #"request id="a\"b" method=x"#),
        (#"{"jsonrpc":"2.0","id":-7,"method":"x"}"#, "request id=-7 method=x"),
        (#"{"jsonrpc":"2.0","id":"","method":""}"#, "request id=\"\" method="),
        (
            #"{"jsonrpc":"2.0","method":"notifications/initialized"}"#,
            "notification method=notifications/initialized"
        ),
        (#"{"jsonrpc":"2.0","id":3,"result":{"name":"x","method":"y"}}"#, "response id=3"),
        (#"{"jsonrpc":"2.0","id":3,"error":{"code":1,"message":"m"}}"#, "response id=3"),
        (#"{"jsonrpc":"2.0","error":{"code":1,"message":"m"}}"#, "response"),
        (
            #"{"params":{"arguments":{"name":"inner","name":"inner"},"name":"f"},"method":"tools/call","id":1,"jsonrpc":"2.0"}"#,
            "request id=1 method=tools/call name=f"
        ),
        (
            #"{"jsonrpc":"2.0","id":1,"method":"resources/read","params":{"uri":"file:///a%20b","taskId":"t"}}"#,
            "request id=1 method=resources/read uri=file:///a%20b taskId=t"
        ),
        (
            #"""
             {"jsonrpc" : "2.0" , "id":1, "method":"m", "params":{"_meta":{ "x":[],
               "io.modelcontextprotocol/protocolVersion" : "2026-07-28",
               "io.modelcontextprotocol/clientCapabilities":{"a":{"b":[1]}}}}}
            """#,
            "request id=1 method=m version=2026-07-28 meta capabilities"
        ),
        (#"{"jsonrpc":"2.0","id":1,"method":"m","params":{"_meta":null}}"#, "request id=1 method=m"),
        (#"{"jsonrpc":"2.0","id":1,"method":"m","params":{"_meta":[]}}"#, "request id=1 method=m"),
        (
            #"{"jsonrpc":"2.0","id":1,"method":"m","params":{"_meta":{"io.modelcontextprotocol/clientCapabilities":[]}}}"#,
            "request id=1 method=m meta"
        ),
        // Members without the type that they need are as good as absent; the rules know that they are there.
        (
            #"{"jsonrpc":"2.0","id":1,"method":"m","params":{"name":5,"uri":["x"],"taskId":{"name":"y"}}}"#,
            "request id=1 method=m"
        ),
        // Names that mean something elsewhere.
        (
            #"{"jsonrpc":"2.0","id":1,"method":"m","name":"a","uri":"b","_meta":{},"params":{"method":"c","id":2}}"#,
            "request id=1 method=m"
        ),
        // One name in several objects.
        (
            #"{"x":1,"params":{"_meta":{"x":1,"y":2},"x":2,"y":3},"y":4,"jsonrpc":"2.0","id":1,"method":"m"}"#,
            "request id=1 method=m meta"
        ),
        // Names that only look alike.
        (
            #"{"jsonrpc":"2.0","id":1,"method":"m","methods":1,"metho":2,"i":3,"idd":4}"#,
            "request id=1 method=m"
        ),
    ]

    @Test(arguments: messages)
    func `finds what a message says`(body: String, line: String) {
        let reading = Reading(body)
        #expect(reading.violation == nil)
        #expect(reading.messages == [line])
        #expect(!reading.isBatch)
    }

    /// A string in JSON, and what it says.
    static let texts: [(String, String)] = [
        (#"tools\/call"#, "tools/call"),
        (#"tools\u002fcall"#, "tools/call"),
        (#"tools\u002Fcall"#, "tools/call"),
        (#"\u0074\u006F\u006f\u006c\u0073/call"#, "tools/call"),
        (#"\"\\\b\f\n\r\t"#, "\"\\\u{08}\u{0C}\n\r\t"),
        (#"\u5929\u6c17"#, "天気"),
        ("天気", "天気"),
        (#"\ud83d\ude00"#, "😀"),
        ("😀", "😀"),
        (#"a\u00e9b"#, "aéb"),
        (
            "\u{7F}\u{80}\u{7FF}\u{800}\u{FFFF}\u{10000}\u{10FFFF}",
            "\u{7F}\u{80}\u{7FF}\u{800}\u{FFFF}\u{10000}\u{10FFFF}"
        ),
    ]

    @Test(arguments: texts)
    func `texts are compared as they are after decoding`(json: String, text: String) throws {
        let body = Array(#"{"jsonrpc":"2.0","id":1,"method":"\#(json)","params":{"name":"\#(json)"}}"#.utf8)
        var envelope = Envelope()
        try envelope.read(body.span)
        let message = try #require(envelope.messages.first)
        let method = try #require(message.method)
        let name = try #require(message.name)
        let expected = Array(text.utf8)
        let found = envelope.withOctets(of: method, in: body.span) { Array(copying: $0) }
        let isEqual = envelope.equals(method, expected.span, in: body.span)
        let areEqual = envelope.equals(method, name, in: body.span)
        let isOther = envelope.equals(method, (expected + [0x20]).span, in: body.span)
        #expect(found == expected)
        #expect(method.count == expected.count)
        #expect(isEqual)
        #expect(areEqual)
        #expect(!isOther)
    }

    @Test func `reserved names count with escapes as without`() {
        let body =
            #"{"\u006asonrpc":"\u0032.0","i\u0064":1,"m\u0065thod":"tools\/call","par\u0061ms":{"n\u0061me":"f","#
            + #""\u005fmeta":{"io.modelcontextprotocol\/protocolVersion":"2026-07-28"}}}"#
        #expect(Reading(body).messages == ["request id=1 method=tools/call name=f version=2026-07-28 meta"])
    }

    @Test func `a batch is read element by element`() {
        let body =
            #"[ {"jsonrpc":"2.0","id":1,"method":"tools/call","params":{"name":"a"}} , "#
            + #"{"jsonrpc":"2.0","method":"n","params":{"name":"\u0062"}},{"jsonrpc":"2.0","id":2,"result":{}}]"#
        let reading = Reading(body)
        #expect(reading.isBatch)
        #expect(reading.id == nil)
        #expect(
            reading.messages == [
                "request id=1 method=tools/call name=a", "notification method=n name=b", "response id=2",
            ]
        )
    }

    @Test func `only a single request has an id to answer to`() {
        #expect(Reading(#"{"jsonrpc":"2.0","id":"x","method":"m"}"#).id == "\"x\"")
        #expect(Reading(#"{"jsonrpc":"2.0","method":"m"}"#).id == nil)
        #expect(Reading(#"{"jsonrpc":"2.0","id":5,"result":{}}"#).id == nil)
        #expect(Reading(#"[{"jsonrpc":"2.0","id":5,"method":"m"}]"#).id == nil)
    }

    @Test func `nothing of a body is left for the next`() {
        let good = Array(#"{"jsonrpc":"2.0","id":1,"method":"m","params":{"x":1}}"#.utf8)
        let bodies = [
            #"{"jsonrpc":"2.0","id":1,"id":2,"method":"m"}"#, #"{"method":"a\u0000"}"#, #"[{"x":1},{"y":[1"#,
            #"{"jsonrpc":"2.0","id":7,"method":"\u0061","params":{"x":{"x":"#, "[]", "",
        ]
        var envelope = Envelope()
        for body in bodies {
            let octets = Array(body.utf8)
            let isRefused = Reading(octets.span, &envelope).violation != nil
            let reading = Reading(good.span, &envelope)
            #expect(isRefused)
            #expect(reading == Reading(octets: good))
            #expect(reading.id == "1")
        }
    }

    @Test func `bounds hold to the number`() {
        func nested(_ depth: Int) -> String {
            #"{"jsonrpc":"2.0","id":1,"method":"m","params":{"arguments":"#
                + String(repeating: "[", count: depth - 2) + String(repeating: "]", count: depth - 2) + "}}"
        }
        func named(_ length: Int) -> String {
            #"{"jsonrpc":"2.0","id":1,"method":"\#(String(repeating: "m", count: length))"}"#
        }
        func identified(_ length: Int) -> String {
            #"{"jsonrpc":"2.0","id":"\#(String(repeating: "7", count: length - 2))","method":"m"}"#
        }
        func membered(_ count: Int) -> String {
            let members = (0..<(count - 3)).map { #","m\#($0)":0"# }.joined()
            return #"{"jsonrpc":"2.0","id":1,"method":"m"\#(members)}"#
        }
        func batch(_ count: Int) -> String {
            "[" + Array(repeating: #"{"jsonrpc":"2.0","method":"m"}"#, count: count).joined(separator: ",")
                + "]"
        }
        func number(_ length: Int) -> String {
            #"{"jsonrpc":"2.0","id":1,"method":"m","params":{"x":\#(String(repeating: "7", count: length))}}"#
        }
        let cases: [(EnvelopeViolation, (Int) -> String, Int)] = [
            (.tooDeep, nested, Envelope.maximumDepth),
            (.textTooLong, named, Envelope.maximumTextLength),
            (.invalidID, identified, Envelope.maximumIDLength),
            (.tooManyMembers, membered, Envelope.maximumMembers),
            (.tooManyMessages, batch, Envelope.maximumMessages),
            (.invalidNumber, number, 64),
        ]
        for (violation, body, bound) in cases {
            #expect(Reading(body(bound)).violation == nil)
            #expect(Reading(body(bound + 1)).violation == violation)
        }
    }

    @Test func `an error carries the id as it came, or none`() {
        let id = Array(#""a\/b""#.utf8)
        let with = RPCErrorBody.text(code: -32020, message: #"a "quoted" word"#, id: id.span)
        #expect(
            String(lossy: with.span)
                == #"{"jsonrpc":"2.0","id":"a\/b","error":{"code":-32020,"message":"a \"quoted\" word"}}"#
        )
        let without = RPCErrorBody.text(code: -32700, message: "m", id: nil)
        #expect(String(lossy: without.span) == #"{"jsonrpc":"2.0","error":{"code":-32700,"message":"m"}}"#)
    }
}
