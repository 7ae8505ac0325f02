// The sample MCP servers in both eras, without sockets.

import Bytes
import JSON
import Testing

@testable import Development

/// Text of a call in revision 2026-07-28.
private func modern(_ method: String, _ params: String = "", id: String = "1") -> String {
    let meta =
        #""_meta":{"io.modelcontextprotocol/protocolVersion":"2026-07-28","#
        + #""io.modelcontextprotocol/clientCapabilities":{},"progressToken":"p"}"#
    let rest = params.isEmpty ? "" : "," + params
    return #"{"jsonrpc":"2.0","id":\#(id),"method":"\#(method)","params":{\#(meta)\#(rest)}}"#
}

private func legacy(_ method: String, _ params: String = "{}") -> String {
    #"{"jsonrpc":"2.0","id":1,"method":"\#(method)","params":\#(params)}"#
}

private func ask(
    _ server: inout SampleServer,
    _ body: String,
    _ fields: [(String, String)] = [],
    accept: String = "application/json, text/event-stream"
) -> ExchangeResponse {
    let all = [("content-type", "application/json"), ("accept", accept)] + fields
    let request = ExchangeRequest(
        method: "POST",
        path: "/mcp",
        query: "",
        fields: all.map { ExchangeRequest.Field(name: $0.0, value: $0.1) },
        body: Array(body.utf8)
    )
    return server.respond(to: request)
}

private func mirrors(_ method: String, _ name: String? = nil) -> [(String, String)] {
    let fields = [("mcp-protocol-version", "2026-07-28"), ("mcp-method", method)]
    return name.map { fields + [("mcp-name", $0)] } ?? fields
}

extension ExchangeResponse {
    fileprivate var result: JSONObject? { object?["result"]?.object }
    fileprivate var errorCode: Int? { object?["error"]?.object?["code"]?.number?.integer }
    fileprivate var toolText: String? { result?["content"]?.array?.first?.object?["text"]?.string }
}

@Suite struct `A sample server in revision 2025-11-25` {
    var server = SampleServer(.files, path: "/mcp")

    @Test(arguments: [
        ("2025-11-25", "2025-11-25"), ("2025-06-18", "2025-06-18"), ("2024-11-05", "2025-11-25"),
    ])
    mutating func `agrees on a revision`(_ asked: String, _ agreed: String) {
        let response = ask(&server, legacy("initialize", #"{"protocolVersion":"\#(asked)"}"#))
        #expect(response.status == 200)
        #expect(response.result?["protocolVersion"]?.string == agreed)
        #expect(response.result?["serverInfo"]?.object?["name"]?.string == "audgate-sample-files")
        #expect(response.result?["capabilities"]?.object?["tools"]?.object != nil)
        #expect(response.field("mcp-session-id") == nil)
    }

    @Test mutating func `takes notifications and responses with 202`() {
        #expect(ask(&server, #"{"jsonrpc":"2.0","method":"notifications/initialized"}"#).status == 202)
        #expect(ask(&server, #"{"jsonrpc":"2.0","id":1,"result":{}}"#).status == 202)
    }

    @Test mutating func `answers ping, and lists and calls tools`() {
        #expect(ask(&server, legacy("ping")).result?.members.isEmpty == true)
        let list = ask(&server, legacy("tools/list"), [("mcp-protocol-version", "2025-11-25")])
        let names = list.result?["tools"]?.array?.compactMap { $0.object?["name"]?.string }
        #expect(names == ["list_files", "read_file", "search", "whoami"])
        #expect(list.result?["ttlMs"] == nil)
        let call = legacy("tools/call", #"{"name":"read_file","arguments":{"path":"todo.txt"}}"#)
        #expect(ask(&server, call).toolText == "Try the token for files at calendar.")
    }

    @Test mutating func `says in the result that a tool failed`() {
        let call = legacy("tools/call", #"{"name":"read_file","arguments":{"path":"../etc/passwd"}}"#)
        #expect(ask(&server, call).result?["isError"]?.bool == true)
    }

    @Test(arguments: [
        (legacy("no/such"), -32601), (legacy("server/discover"), -32601),
        (legacy("tools/call", #"{"name":"nope"}"#), -32602), (legacy("tools/call"), -32602),
        (legacy("tools/call", #"{"name":"read_file","arguments":{"path":1}}"#), -32602),
        (legacy("tools/call", #"{"name":"search","arguments":{"text":"","pause_ms":-1}}"#), -32602),
    ])
    mutating func `answers wrong requests with 200 and an error`(_ body: String, _ code: Int) {
        let response = ask(&server, body)
        #expect(response.status == 200)
        #expect(response.errorCode == code)
        #expect(response.object?["id"]?.number?.integer == 1)
    }

    @Test(arguments: [
        ("", -32700), ("{", -32700), (#"{"a":1,"a":2}"#, -32700), ("[]", -32600), ("1", -32600),
        ("[\(legacy("ping"))]", -32600), (#"{"id":1,"method":"ping"}"#, -32600),
        (#"{"jsonrpc":"2.0","id":null,"method":"ping"}"#, -32600),
        (#"{"jsonrpc":"2.0","id":1.5,"method":"ping"}"#, -32600),
        (#"{"jsonrpc":"2.0","id":1,"method":"ping","params":[]}"#, -32600),
        (#"{"jsonrpc":"2.0","id":1}"#, -32600),
    ])
    mutating func `answers what is no message with 400, without an id`(_ body: String, _ code: Int) {
        let response = ask(&server, body)
        #expect(response.status == 400)
        #expect(response.errorCode == code)
        #expect(response.object?["id"] == nil)
    }

    @Test(arguments: [
        ("GET", "/mcp", 405), ("DELETE", "/mcp", 405), ("POST", "/other", 404), ("POST", "/mcp", 415),
    ])
    mutating func `has one method at one path for one media type`(
        _ method: String,
        _ path: String,
        _ status: Int
    ) {
        let request = ExchangeRequest(method: method, path: path, query: "", fields: [], body: [])
        #expect(server.respond(to: request).status == status)
    }

    @Test mutating func `streams progress one step at a time, then the result`() throws {
        let params = #"{"name":"search","arguments":{"text":"token"},"_meta":{"progressToken":7}}"#
        let response = ask(&server, legacy("tools/call", params))
        #expect(response.field("content-type") == "text/event-stream")
        guard case .events(let events) = response.content else {
            Issue.record("no stream")
            return
        }
        let messages = try events.map { try JSONReader.read($0.data.span).object }
        #expect(events.count == 6)
        #expect(events.allSatisfy { $0.delay == 300 })
        let first = messages.first??["params"]?.object
        #expect(first?["progressToken"]?.number?.integer == 7)
        #expect(first?["progress"]?.number?.integer == 1)
        #expect(first?["total"]?.number?.integer == 5)
        #expect(messages.last??["id"]?.number?.integer == 1)
        #expect(messages.last??["result"]?.object != nil)
    }

    @Test mutating func `answers at once where nobody wants progress`() {
        let quiet = ask(&server, legacy("tools/call", #"{"name":"search","arguments":{"text":"token"}}"#))
        #expect(quiet.field("content-type") == "application/json")
        let params = #"{"name":"search","arguments":{"text":"x"},"_meta":{"progressToken":7}}"#
        let plain = ask(&server, legacy("tools/call", params), accept: "application/json")
        #expect(plain.field("content-type") == "application/json")
    }

    @Test mutating func `shows the claims of the token that reached it`() {
        let call = legacy("tools/call", #"{"name":"whoami"}"#)
        let token = "e30." + Base64URL.encode(Array(#"{"aud":"x"}"#.utf8).span) + ".c2ln"
        #expect(ask(&server, call, [("authorization", "Bearer \(token)")]).toolText == #"{"aud":"x"}"#)
        for bad in ["Bearer x", "Bearer a.b.c", "Basic \(token)", "Bearer e30.W10.e30"] {
            let text = ask(&server, call, [("authorization", bad)]).toolText
            #expect(text == "No readable token reached this server.")
        }
    }

    @Test mutating func `keeps events`() {
        server = SampleServer(.calendar, path: "/mcp")
        let add = legacy("tools/call", #"{"name":"add_event","arguments":{"day":"Friday","title":"Rest"}}"#)
        #expect(ask(&server, add).result?["isError"]?.bool == false)
        let list = ask(&server, legacy("tools/call", #"{"name":"list_events"}"#))
        #expect(list.toolText == "Monday: Read the gateway's log\nFriday: Rest")
        let wrong = legacy("tools/call", #"{"name":"add_event","arguments":{"day":"Someday","title":"x"}}"#)
        #expect(ask(&server, wrong).result?["isError"]?.bool == true)
    }
}

@Suite struct `A sample server in revision 2026-07-28` {
    var server = SampleServer(.calendar, path: "/mcp")

    @Test mutating func `tells what it can do`() {
        let response = ask(&server, modern("server/discover"), mirrors("server/discover"))
        #expect(response.status == 200)
        #expect(response.result?["resultType"]?.string == "complete")
        #expect(response.result?["supportedVersions"]?.strings?.first == "2026-07-28")
        #expect(response.result?["cacheScope"]?.string == "private")
        #expect(response.result?["ttlMs"]?.number?.integer == 60_000)
    }

    @Test mutating func `lists and calls tools`() {
        let list = ask(&server, modern("tools/list"), mirrors("tools/list"))
        #expect(list.result?["tools"]?.array?.count == 4)
        #expect(list.result?["resultType"]?.string == "complete")
        #expect(list.result?["ttlMs"] != nil)
        let call = modern("tools/call", #""name":"list_events""#)
        for name in ["list_events", "=?base64?bGlzdF9ldmVudHM=?="] {
            let response = ask(&server, call, mirrors("tools/call", name))
            #expect(response.result?["isError"]?.bool == false)
        }
    }

    @Test mutating func `streams progress`() {
        let call = modern("tools/call", #""name":"plan_week","arguments":{"pause_ms":0}"#)
        let response = ask(&server, call, mirrors("tools/call", "plan_week"))
        guard case .events(let events) = response.content else {
            Issue.record("no stream")
            return
        }
        #expect(events.count == 6)
        #expect(events.allSatisfy { $0.delay == 0 })
    }

    /// A request that is refused, and with what.
    struct Refusal: Sendable, CustomTestStringConvertible {
        let body: String
        let fields: [(String, String)]
        let status: Int
        let code: Int
        var testDescription: String { "\(fields) \(body)" }
    }

    static let version = ("mcp-protocol-version", "2026-07-28")

    static let refusals = [
        Refusal(body: legacy("tools/list"), fields: mirrors("tools/list"), status: 400, code: -32602),
        Refusal(
            body: legacy(
                "tools/list",
                #"{"_meta":{"io.modelcontextprotocol/protocolVersion":"2026-07-28"}}"#
            ),
            fields: mirrors("tools/list"),
            status: 400,
            code: -32602
        ),
        Refusal(body: modern("tools/list"), fields: [], status: 400, code: -32020),
        Refusal(
            body: modern("tools/list"),
            fields: [("mcp-protocol-version", "2025-11-25")],
            status: 400,
            code: -32020
        ),
        Refusal(
            body: modern("tools/list"),
            fields: [("mcp-protocol-version", "2027-01-01"), ("mcp-method", "tools/list")],
            status: 400,
            code: -32020
        ),
        Refusal(body: modern("tools/list"), fields: [version], status: 400, code: -32020),
        Refusal(
            body: modern("tools/list"),
            fields: [version, ("mcp-method", "TOOLS/LIST")],
            status: 400,
            code: -32020
        ),
        Refusal(
            body: modern("tools/list"),
            fields: [version, version, ("mcp-method", "tools/list")],
            status: 400,
            code: -32020
        ),
        Refusal(
            body: modern("tools/call", #""name":"list_events""#),
            fields: mirrors("tools/call"),
            status: 400,
            code: -32020
        ),
        Refusal(
            body: modern("tools/call", #""name":"list_events""#),
            fields: mirrors("tools/call", "add_event"),
            status: 400,
            code: -32020
        ),
        Refusal(
            body: modern("tools/call", #""name":"list_events""#),
            fields: mirrors("tools/call", "=?base64?bGlzdF9ldmVudHM?="),
            status: 400,
            code: -32020
        ),
        Refusal(body: modern("tools/call"), fields: mirrors("tools/call"), status: 400, code: -32602),
        Refusal(
            body: modern("tools/call", #""name":"nope""#),
            fields: mirrors("tools/call", "nope"),
            status: 400,
            code: -32602
        ),
        Refusal(body: modern("initialize"), fields: mirrors("initialize"), status: 404, code: -32601),
        Refusal(body: modern("ping"), fields: mirrors("ping"), status: 404, code: -32601),
    ]

    @Test(arguments: refusals)
    mutating func `refuses bodies and fields that are incomplete or disagree`(_ row: Refusal) {
        let response = ask(&server, row.body, row.fields)
        #expect(response.status == row.status)
        #expect(response.errorCode == row.code)
        #expect(response.object?["id"]?.number?.integer == 1)
    }

    @Test mutating func `names its revisions to those who ask for another`() {
        let body = modern("tools/list").replacing("2026-07-28", with: "v999.0.0")
        let response = ask(
            &server,
            body,
            [("mcp-protocol-version", "v999.0.0"), ("mcp-method", "tools/list")]
        )
        #expect(response.status == 400)
        #expect(response.errorCode == -32022)
        let details = response.object?["error"]?.object?["data"]?.object
        #expect(details?["requested"]?.string == "v999.0.0")
        #expect(details?["supported"]?.strings == ["2026-07-28", "2025-11-25", "2025-06-18"])
    }

    @Test mutating func `takes notifications, but no responses`() {
        let notification = #"{"jsonrpc":"2.0","method":"notifications/x"}"#
        #expect(ask(&server, notification, [Self.version]).status == 202)
        let response = ask(&server, #"{"jsonrpc":"2.0","id":1,"result":{}}"#, [Self.version])
        #expect(response.status == 400)
        #expect(response.errorCode == -32600)
    }

    @Test(
        arguments: [
            (nil, nil), ("plain", "plain"), ("=?base64?w7w=?=", "ü"), ("=?BASE64?w7w=?=", "=?BASE64?w7w=?="),
            ("=?base64?w7w?=", nil), ("=?base64?_7w=?=", nil), ("=?base64?/w==?=", nil), ("=?base64??=", ""),
            ("=?base64?=", "=?base64?="),
        ] as [(String?, String?)]
    )
    func `decodes mirrored fields`(_ value: String?, _ decoded: String?) {
        #expect(ProtocolRevision.decoded(value) == decoded)
    }
}
