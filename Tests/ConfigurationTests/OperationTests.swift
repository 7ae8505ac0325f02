// Scopes of tools and methods, and the hiding of tools.

import Configuration
import Policy
import Testing

@Suite struct OperationTests {
    private func route(_ members: String) throws -> Route {
        let text = source(Sample.route(members))
        let configuration = try ConfigurationLoader.compile(text, beside: Sample.surroundings())
        return try #require(configuration.snapshot.routes.first)
    }

    private static func tool(_ name: String) -> String { Sample.route(#""tools": { §"\#(name)": ["a"] }"#) }
    private static func method(_ name: String) -> String {
        Sample.route(#""methods": { §"\#(name)": ["a"] }"#)
    }

    @Test func `asks for nothing more where nothing is said`() throws {
        let route = try route(#""tools": {}, "methods": {}"#)
        #expect(route.operations.isEmpty)
        #expect(!route.hidesUnauthorizedTools)
    }

    @Test func `takes scopes of tools and methods`() throws {
        let route = try route(
            #""tools": { "delete_file": ["a", "b"], "Löschen Sie es": ["c"], "list": [], "*": ["d"] }, "#
                + #""methods": { "tools/list": ["e"], "vendor/method": ["f", "g"] }, "hide_unauthorized_tools": true"#
        )
        #expect(
            route.operations.tools == [
                "delete_file": ["a", "b"], "Löschen Sie es": ["c"], "list": [], "*": ["d"],
            ]
        )
        #expect(route.operations.methods == ["tools/list": ["e"], "vendor/method": ["f", "g"]])
        #expect(route.hidesUnauthorizedTools)
    }

    @Test func `takes names up to their bounds`() throws {
        let long = String(repeating: "ü", count: 128)
        let method = String(repeating: "m", count: 128)
        let operations = try route(
            #""tools": { "\#(long)": ["a"] }, "methods": { "\#(method)": ["a"] }"#
        ).operations
        #expect(operations.tools == [long: ["a"]])
        #expect(operations.methods == [method: ["a"]])
    }

    @Test(arguments: [
        Expectation(
            "/routes/0/tools",
            "an object with a list of scopes for each tool",
            Sample.route(#""tools": §["a"]"#)
        ),
        Expectation("/routes/0/tools/a", "Write a list of scopes", Sample.route(#""tools": { "a": §"b" }"#)),
        Expectation(
            "/routes/0/tools/a",
            "Write a list of scopes",
            Sample.route(#""tools": { "a": §null, "*": ["b"] }"#)
        ),
        Expectation("/routes/0/tools/a", "The list is empty", Sample.route(#""tools": { "a": §[] }"#)),
        Expectation("/routes/0/tools/*", "The list is empty", Sample.route(#""tools": { "*": §[] }"#)),
        Expectation(
            "/routes/0/tools/*",
            "The list is empty",
            Sample.route(#""tools": { "a": [], "*": §[] }"#)
        ),
        Expectation(
            "/routes/0/tools/a/0",
            "offline_access",
            Sample.route(#""tools": { "a": [§"offline_access"] }"#)
        ),
        Expectation("/routes/0/tools/a/0", "not a scope", Sample.route(#""tools": { "a": [§"b c"] }"#)),
        Expectation("/routes/0/tools/*/0", "not a scope", Sample.route(#""tools": { "*": [§"*\\"] }"#)),
        Expectation("/routes/0/tools/a/1", "twice", Sample.route(#""tools": { "a": ["b", §"b"] }"#)),
        Expectation(
            "/routes/0/tools/a",
            "appears twice",
            Sample.route(#""tools": { "a": ["b"], §"a": ["c"] }"#)
        ),
        Expectation(
            "/routes/0/tools/e\u{301}",
            "only by how an accent is encoded",
            Sample.route(#""tools": { "\u00e9": ["b"], §"e\u0301": ["c"] }"#)
        ),
        Expectation("/routes/0/tools/delete_*", "looks like a pattern", tool("delete_*")),
        Expectation("/routes/0/tools/**", "looks like a pattern", tool("**")),
    ])
    func `refuses wrong scopes of a tool`(_ row: Expectation) { row.expectRefusal() }

    @Test(arguments: [
        "", " ", "a ", " a", #"a\u0000"#, #"a\n"#, #"\u001b[2J"#, #"a\u00a0b"#, #"a\u200bb"#, #"\u202eelif"#,
        #"a\u2028b"#, #"\ue000"#, #"\ufeffa"#, #"a\ufe0f"#, #"\u3164"#, #"\u0378"#, #"a\u00ad"#,
        String(repeating: "a", count: 129), String(repeating: "ü", count: 129),
    ])
    func `refuses names of tools that are empty, too long, or not to be seen`(name: String) {
        let found = diagnostics(of: Self.tool(name).replacing("§", with: ""))
        #expect(found.map(\.problem) == ["This is not the name of a tool."])
        #expect(found.map(\.severity) == [.error])
    }

    @Test(arguments: [
        Expectation(
            "/routes/0/methods",
            "an object with a list of scopes for each method",
            Sample.route(#""methods": §"tools/list""#)
        ),
        Expectation(
            "/routes/0/methods/*",
            "what every request needs stands in the route's \"scopes\"",
            method("*")
        ),
        Expectation("/routes/0/methods/tools~1*", "looks like a pattern", method("tools/*")),
        Expectation("/routes/0/methods/", "not a JSON-RPC method", method("")),
        Expectation("/routes/0/methods/a b", "not a JSON-RPC method", method("a b")),
        Expectation("/routes/0/methods/ä", "not a JSON-RPC method", method(#"\u00e4"#)),
        Expectation("/routes/0/methods/ping\n", "not a JSON-RPC method", method(#"ping\n"#)),
        Expectation(
            "/routes/0/methods/\(String(repeating: "m", count: 129))",
            "at most 128 visible",
            method(String(repeating: "m", count: 129))
        ),
        Expectation(
            "/routes/0/methods/ping",
            "The list is empty",
            Sample.route(#""methods": { "ping": §[] }"#)
        ),
        Expectation(
            "/routes/0/methods/ping/0",
            "offline_access",
            Sample.route(#""methods": { "ping": [§"offline_access"] }"#)
        ),
        Expectation(
            "/routes/0/methods/ping",
            "Write a list of scopes",
            Sample.route(#""methods": { "ping": §true }"#)
        ),
        Expectation(
            "/routes/0/hide_unauthorized_tools",
            "Write true or false",
            Sample.route(#""hide_unauthorized_tools": §"yes""#)
        ),
        Expectation("/routes/0/hide_tools", "unknown here", Sample.route(#"§"hide_tools": true"#)),
        Expectation("/routes/0/tool", "Did you mean \"tools\"?", Sample.route(#"§"tool": {}"#)),
    ])
    func `refuses wrong scopes of a method, and wrong hiding`(_ row: Expectation) { row.expectRefusal() }

    @Test(arguments: [
        Expectation(
            "/routes/0/methods/initialize",
            "Clients of MCP 2026-07-28 do not send \"initialize\"",
            method("initialize")
        ),
        Expectation("/routes/0/methods/tool~1list", "Did you mean \"tools/list\"?", method("tool/list")),
        Expectation("/routes/0/methods/Tools~1Call", "Did you mean \"tools/call\"?", method("Tools/Call")),
        Expectation(
            "/routes/0/hide_unauthorized_tools",
            "nothing is hidden",
            Sample.route(#"§"hide_unauthorized_tools": true"#)
        ),
        Expectation(
            "/routes/0/hide_unauthorized_tools",
            "nothing is hidden",
            Sample.route(
                #"§"hide_unauthorized_tools": true, "tools": {}, "methods": { "resources/read": ["a"] }"#
            )
        ),
    ])
    func `warns of what guards or hides nothing`(_ row: Expectation) throws {
        let found = diagnostics(of: row.text)
        let warning = try #require(found.first)
        #expect(found.count == 1)
        #expect(row.matches(warning), "\(warning.text), expected at \(row.line):\(row.column)")
        #expect(warning.severity == .warning)
    }

    @Test(arguments: [
        #""methods": { "tools/list": ["a"], "vendor.example/anything": ["b"] }"#,
        #""hide_unauthorized_tools": true, "tools": { "x": ["a"] }"#,
        #""hide_unauthorized_tools": true, "methods": { "tools/call": ["a"] }"#,
        #""hide_unauthorized_tools": false"#,
    ])
    func `does not warn of what does something`(members: String) {
        #expect(diagnostics(of: Sample.route(members)) == [])
    }
}
