// The ladder of mirrored fields (§3.2 of the requirements), and its cases (73 to 78, 91 to 119).

import Bytes
import MCP
import Testing

@Suite struct MirrorTests {
    private static let named = #""name":"get_weather","arguments":{"region":"us"}"#
    private static let call = Post.call("tools/call", named)

    private static func calling(_ name: String, _ body: String = call) -> [String] {
        Post.modern("tools/call", name)
    }

    /// A modern call of `get_weather` whose `Mcp-Name` is `name`.
    private static func weather(_ number: String, _ name: String, _ expected: String) -> Post {
        Post(number: number, fields: Post.modern("tools/call", name), body: call, expected: expected)
    }

    /// A modern request with all fields given.
    private static func post(_ number: String, _ fields: [String], _ body: String, _ expected: String) -> Post
    {
        Post(number: number, fields: fields, body: body, expected: expected)
    }

    private static let version = Post.version("2026-07-28")
    private static let methodMismatch = "-32020 mcp_method_mismatch"
    private static let nameMismatch = "-32020 mcp_name_mismatch"
    private static let invalidField = "-32020 mcp_invalid_field"
    private static let incomplete = "-32602 mcp_incomplete_meta"
    private static let repeated = "-32020 mcp_repeated_field"

    /// Step 5: `Mcp-Method`.
    static let methods: [Post] = [
        post("91", Post.modern("tools/list"), Post.call("tools/list"), "modern"),
        post("92", Post.modern("tools/list", "get_weather"), call, methodMismatch),
        post("93", [version], Post.call("tools/list"), methodMismatch),
        post("94", Post.modern("TOOLS/LIST"), Post.call("tools/list"), methodMismatch),
        post("94", Post.modern("tools/List"), Post.call("tools/list"), methodMismatch),
        post("95", ["mcp-protocol-version: 2026-07-28", "mcp-method: ping"], Post.call("ping"), "modern"),
        post("95", ["MCP-PROTOCOL-VERSION: 2026-07-28", "MCP-METHOD: ping"], Post.call("ping"), "modern"),
        post(
            "96",
            ["Mcp-Protocol-Version: \t 2026-07-28\t", "Mcp-Method:ping  "],
            Post.call("ping"),
            "modern"
        ),
        post("76", Post.modern("tools/call", "get_weather"), Post.call(#"tools\/call"#, named), "modern"),
        post("76", Post.modern("tools/call", "get_weather"), Post.call(#"tools\u002fcall"#, named), "modern"),
        post("76", Post.modern("tools/list"), Post.call(#"tools\u002fcall"#, named), methodMismatch),
        post(
            "76",
            Post.modern(#"tools\/call"#, "get_weather"),
            Post.call(#"tools\/call"#, named),
            methodMismatch
        ),
        post("109", Post.modern("unknown/method"), Post.call("unknown/method"), "modern"),
        post("step 5: empty", Post.modern(""), Post.call("ping"), methodMismatch),
        post("step 5: list", Post.modern("ping, ping"), Post.call("ping"), methodMismatch),
        post("step 5: no sentinel", Post.modern("=?base64?cGluZw==?="), Post.call("ping"), methodMismatch),
        post("step 5: raw octets", Post.modern("天気"), Post.call("天気"), invalidField),
        post("step 2", Post.modern("ping") + ["Mcp-Method: ping"], Post.call("ping"), repeated),
        post("step 2", Post.modern("ping") + ["mcp-METHOD: pong"], Post.call("ping"), repeated),
    ]

    /// Step 6: `Mcp-Name`.
    static let names: [Post] = [
        weather("91", "get_weather", "modern"),
        weather("96", "   get_weather  ", "modern"),
        weather("96", "\tget_weather \t", "modern"),
        post("97", Post.modern("tools/call"), call, nameMismatch),
        post("97", Post.modern("prompts/get"), Post.call("prompts/get", #""name":"p""#), nameMismatch),
        post("97", Post.modern("resources/read"), Post.call("resources/read", #""uri":"u:x""#), nameMismatch),
        post("97", Post.modern("prompts/get", "p"), Post.call("prompts/get", #""name":"p""#), "modern"),
        post(
            "97",
            Post.modern("resources/read", "u:x"),
            Post.call("resources/read", #""uri":"u:x""#),
            "modern"
        ),
        post(
            "97: another member",
            Post.modern("resources/read", "n"),
            Post.call("resources/read", #""uri":"u:x","name":"n""#),
            nameMismatch
        ),
        post(
            "97: another member",
            Post.modern("tools/call", "u:x"),
            Post.call("tools/call", #""name":"n","uri":"u:x""#),
            nameMismatch
        ),
        weather("98", "=?base64?Z2V0X3dlYXRoZXI=?=", "modern"),
        weather("98: another name", "=?base64?Z2V0X3dlYXRoZXJz?=", nameMismatch),
        weather("99", "=?BASE64?Z2V0X3dlYXRoZXI=?=", nameMismatch),
        weather("99", "=?Base64?Z2V0X3dlYXRoZXI=?=", nameMismatch),
        weather("99: no end", "=?base64?Z2V0X3dlYXRoZXI=", nameMismatch),
        weather("99: no start", "base64?Z2V0X3dlYXRoZXI=?=", nameMismatch),
        weather("99: shared mark", "=?base64?=", nameMismatch),
        weather("100", "=?base64?!!!?=", invalidField),
        weather("100: no padding", "=?base64?Z2V0X3dlYXRoZXI?=", invalidField),
        weather("100: one letter", "=?base64?Z?=", invalidField),
        weather("100: three pads", "=?base64?Z===?=", invalidField),
        weather("100: padding inside", "=?base64?Z2V=X3dlYXRo?=", invalidField),
        weather("100: only padding", "=?base64?====?=", invalidField),
        weather("100: trailing bits", "=?base64?Z2V0X3dlYXRoZXJ=?=", invalidField),
        weather("100: base64url", "=?base64?_-__?=", invalidField),
        weather("100: blanks", "=?base64?Z2V0 X3dlYXRoZXI=?=", invalidField),
        weather("100: no UTF-8", "=?base64?//8=?=", invalidField),
        weather("100: half a pair", "=?base64?7aCA?=", invalidField),
        weather("100: empty", "=?base64??=", nameMismatch),
        post("101a", calling("=?base64?5aSp5rCX?="), Post.call("tools/call", #""name":"天気""#), "modern"),
        post(
            "101a",
            calling("=?base64?5aSp5rCX?="),
            Post.call("tools/call", #""name":"\u5929\u6c17""#),
            "modern"
        ),
        post("101b", calling("天気"), Post.call("tools/call", #""name":"天気""#), invalidField),
        post(
            "101: control character",
            calling("a\tb"),
            Post.call("tools/call", #""name":"a\tb""#),
            invalidField
        ),
        post(
            "101: encoded",
            calling("=?base64?YQli?="),
            Post.call("tools/call", #""name":"a\tb""#),
            "modern"
        ),
        post(
            "101: blank at the end",
            calling("=?base64?YSA=?="),
            Post.call("tools/call", #""name":"a ""#),
            "modern"
        ),
        post("101: blank at the end", calling("a "), Post.call("tools/call", #""name":"a ""#), nameMismatch),
        post(
            "literal that looks encoded",
            calling("=?base64?YQ==?="),
            Post.call("tools/call", #""name":"=?base64?YQ==?=""#),
            nameMismatch
        ),
        post("102", calling("get_weather") + ["Mcp-Name: other"], call, repeated),
        post("102", calling("get_weather") + ["MCP-NAME: get_weather"], call, repeated),
        post("73", calling("read_page"), Post.call("tools/call", #""name":"delete_page""#), nameMismatch),
        weather("step 6: letters", "Get_Weather", nameMismatch),
        weather("step 6: list", "get_weather, other", nameMismatch),
        weather("step 6: empty", "", nameMismatch),
        post("step 6: empty name", calling(""), Post.call("tools/call", #""name":"""#), "modern"),
        post("step 6: source absent", Post.modern("tools/call"), Post.call("tools/call"), "modern"),
        post("step 6: source absent, field there", calling("a"), Post.call("tools/call"), nameMismatch),
        post(
            "step 6: no string",
            calling("a"),
            Post.call("tools/call", #""name":["a"]"#),
            "-32602 mcp_invalid_name"
        ),
        post(
            "step 6: no string",
            Post.modern("tools/call"),
            Post.call("tools/call", #""name":null"#),
            "-32602 mcp_invalid_name"
        ),
        post(
            "step 6: inner name",
            calling("a"),
            Post.call("tools/call", #""arguments":{"name":"a"}"#),
            nameMismatch
        ),
        post("118", Post.modern("tasks/get"), Post.call("tasks/get", #""taskId":"t""#), "modern"),
        post("118", Post.modern("tasks/get", "t"), Post.call("tasks/get", #""taskId":"t""#), "modern"),
        post("118", Post.modern("tasks/get", "u"), Post.call("tasks/get", #""taskId":"t""#), nameMismatch),
        post(
            "118",
            Post.modern("tasks/update", "u"),
            Post.call("tasks/update", #""taskId":"t""#),
            nameMismatch
        ),
        post("118", Post.modern("tasks/cancel", "t"), Post.call("tasks/cancel", #""taskId":"t""#), "modern"),
        post("118: absent", Post.modern("tasks/cancel", "t"), Post.call("tasks/cancel"), nameMismatch),
        post(
            "119",
            Post.modern("completion/complete", "x"),
            Post.call("completion/complete", #""ref":{"name":"p"},"argument":{"name":"a","value":"b"}"#),
            "modern"
        ),
        post("119: broken", Post.modern("ping", "=?base64?!?="), Post.call("ping"), invalidField),
        post("other method", Post.modern("x/y", "n"), Post.call("x/y", #""name":"n""#), "modern"),
        post("other method", Post.modern("x/y", "u"), Post.call("x/y", #""name":"n","uri":"u""#), "modern"),
        post(
            "other method",
            Post.modern("x/y", "z"),
            Post.call("x/y", #""name":"n","uri":"u""#),
            nameMismatch
        ),
    ]

    /// Steps 3, 4 and 7, and fields that mean nothing.
    static let others: [Post] = [
        post("106", Post.modern("ping"), Post.legacy("ping"), incomplete),
        post("106", Post.modern("ping"), #"{"jsonrpc":"2.0","id":1,"method":"ping"}"#, incomplete),
        post("106", Post.modern("ping"), Post.legacy("ping", #""_meta":{}"#), incomplete),
        post("106", Post.modern("ping"), Post.legacy("ping", #""_meta":"x""#), incomplete),
        post(
            "106: no version",
            Post.modern("ping"),
            Post.legacy("ping", #""_meta":{"\#(Post.key)clientCapabilities":{}}"#),
            incomplete
        ),
        post(
            "106: no capabilities",
            Post.modern("ping"),
            Post.legacy("ping", #""_meta":{"\#(Post.key)protocolVersion":"2026-07-28"}"#),
            incomplete
        ),
        post(
            "106: wrong types",
            Post.modern("ping"),
            Post.legacy(
                "ping",
                #""_meta":{"\#(Post.key)protocolVersion":"2026-07-28","\#(Post.key)clientCapabilities":null}"#
            ),
            incomplete
        ),
        post("106: before the method", [version], Post.legacy("ping"), incomplete),
        post("107", Post.modern("ping"), Post.call("ping"), "modern"),
        post(
            "115",
            Post.modern("ping") + ["Mcp-Session-Id: x", "Last-Event-ID: 1"],
            Post.call("ping"),
            "modern"
        ),
        post("116", calling("get_weather") + ["Mcp-Param-Unknown: abc"], call, "modern"),
        post("117", calling("get_weather") + ["Mcp-Param-Region: eu"], call, "modern"),
        post("117: encoded", calling("get_weather") + ["Mcp-Param-Region: =?base64?!?="], call, "modern"),
        post("117: empty", calling("get_weather") + ["Mcp-Param-Region:"], call, "modern"),
        post(
            "step 7: two names",
            calling("get_weather") + ["Mcp-Param-A: 1", "Mcp-Param-B: 1"],
            call,
            "modern"
        ),
        post(
            "step 7: one name twice",
            calling("get_weather") + ["Mcp-Param-Region: eu", "Mcp-Param-Other: 1", "mcp-param-REGION: eu"],
            call,
            "-32020 mcp_repeated_parameter"
        ),
        post("step 7: raw octets", calling("get_weather") + ["Mcp-Param-Region: é"], call, invalidField),
        // The order of the ladder.
        post(
            "step 2 before 3",
            Post.modern("ping") + ["Mcp-Name: a", "Mcp-Name: b"],
            Post.legacy("ping"),
            repeated
        ),
        post(
            "step 4 before 5",
            [version],
            Post.call("ping", version: "2025-11-25"),
            "-32020 mcp_version_mismatch"
        ),
        post("step 5 before 6", Post.modern("ping", "x"), call, methodMismatch),
        post(
            "step 1 before 2",
            Post.modern("ping") + ["Mcp-Name: a", "Mcp-Name: b"],
            "{",
            "-32700 json_unexpected_end"
        ),
        // MRTR retries are calls like the first (case 78).
        post(
            "78",
            calling("read_page"),
            Post.call("tools/call", #""name":"delete_page","inputResponses":{},"requestState":"s""#),
            nameMismatch
        ),
        post(
            "78",
            calling("delete_page"),
            Post.call("tools/call", #""name":"delete_page","inputResponses":{},"requestState":"s""#),
            "modern"
        ),
    ]

    /// Mirrored fields where the revision has none: they may be there, but not say otherwise.
    static let legacy: [Post] = ["2025-03-26", "2025-11-25"].map(Post.version).flatMap { version in
        let delete = Post.legacy("tools/call", #""name":"delete_page""#)
        return [
            post("74", [version, "Mcp-Name: read_page"], delete, nameMismatch),
            post("74", [version, "Mcp-Method: tools/list"], delete, methodMismatch),
            post("74", [version, "Mcp-Name: delete_page"], delete, "legacy"),
            post("74", [version, "Mcp-Name: delete_page", "Mcp-Name: read_page"], delete, repeated),
            post("74", [version], delete, "legacy"),
            post("74", [version, "Mcp-Param-A: 1", "Mcp-Param-A: 2"], delete, "legacy"),
            post(
                "74: response",
                [version, "Mcp-Method: x"],
                #"{"jsonrpc":"2.0","id":1,"result":{}}"#,
                methodMismatch
            ),
            post(
                "74: no string",
                [version],
                Post.legacy("tools/call", #""name":["delete_page"]"#),
                "-32602 mcp_invalid_name"
            ),
            post("74: no string", [version], Post.legacy("tools/list", #""name":7"#), "legacy"),
        ]
    }

    @Test(arguments: methods + names + others + legacy)
    func `each step of the ladder has its verdict`(post: Post) {
        #expect(post.outcome() == post.expected)
    }

    @Test func `case 92: the id can be echoed`() throws {
        let body = Array(#"{"jsonrpc":"2.0","id":"é/1","method":"tools/call"}"#.utf8)
        var envelope = Envelope()
        try envelope.read(body.span)
        let found = envelope.id
        let id = try #require(found)
        let violation = ProtocolViolation.methodMismatch
        let text = RPCErrorBody.text(
            code: violation.code,
            message: violation.sentence,
            id: body.span.extracting(id.start..<id.end)
        )
        let expected =
            #"{"jsonrpc":"2.0","id":"é/1","error":{"code":-32020,"#
            + #""message":"Mcp-Method is missing or differs from the method in the body."}}"#
        #expect(Array(text) == Array(expected.utf8))
    }

    @Test func `case 75: every element of a batch can be seen`() {
        let body = #"""
            [{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{"name":"read_page"}},
             {"jsonrpc":"2.0","id":2,"method":"tools\/call","params":{"n\u0061me":"delete_page"}}]
            """#
        #expect(
            Reading(body).messages == [
                "request id=1 method=tools/call name=read_page",
                "request id=2 method=tools/call name=delete_page",
            ]
        )
    }
}
