// The era table (§1.3 of the requirements), row by row.

import HTTP
import MCP
import Testing

@Suite struct EraTests {
    private static let modern = "2026-07-28"
    private static let known = ["2024-10-07", "2024-11-05", "2025-03-26", "2025-06-18", "2025-11-25"]
    private static let later = [
        "v999.0.0", "2027-01-01", "abc", "2026-07-29", "2026-07-280", "3", "2026-07-28-rc1",
    ]
    private static let earlier = [
        "2023-01-01", "1999-01-01", "2026-07-27", "2026-07-2", "1", "0", "2025-12-31", "-",
    ]
    private static let response = #"{"jsonrpc":"2.0","id":1,"result":{}}"#
    private static let initialize = Post.legacy("initialize", #""protocolVersion":"2025-11-25""#)

    /// Rows whose version field is absent or legacy.
    static let legacyRows: [Post] =
        [
            Post(number: "absent, absent", body: initialize, expected: "legacy"),
            Post(
                number: "absent, absent",
                body: Post.legacy("tools/call", #""name":"a""#),
                expected: "legacy"
            ),
            Post(number: "absent, absent", body: Post.notification(nil), expected: "legacy"),
            Post(number: "absent, absent", body: response, expected: "legacy"),
            Post(number: "absent, absent", body: "[\(Post.legacy("tools/list"))]", expected: "legacy"),
            Post(number: "absent, no object", body: Post.legacy("ping", #""_meta":7"#), expected: "legacy"),
            Post(
                number: "absent, no string",
                body: Post.legacy("ping", #""_meta":{"io.modelcontextprotocol/protocolVersion":20260728}"#),
                expected: "-32602 mcp_incomplete_meta"
            ),
            Post(
                number: "legacy, no string",
                fields: [Post.version("2025-11-25")],
                body: Post.legacy(
                    "ping",
                    #""_meta":{"io.modelcontextprotocol/protocolVersion":["2026-07-28"]}"#
                ),
                expected: "-32602 mcp_incomplete_meta"
            ),
            Post(number: "absent, modern", body: Post.call("ping"), expected: "-32020 mcp_version_mismatch"),
            Post(
                number: "absent, modern notification",
                body: Post.notification(modern),
                expected: "-32020 mcp_version_mismatch"
            ),
        ]
        + known.flatMap { version in
            [
                Post(
                    number: "145, legacy \(version), absent",
                    fields: [Post.version(version)],
                    body: initialize,
                    expected: "legacy"
                ),
                Post(
                    number: "149, legacy \(version), response",
                    fields: [Post.version(version)],
                    body: response,
                    expected: "legacy"
                ),
                Post(
                    number: "legacy \(version), equal",
                    fields: [Post.version(version)],
                    body: Post.call("ping", version: version),
                    expected: "legacy"
                ),
                Post(
                    number: "absent, legacy \(version)",
                    body: Post.call("ping", version: version),
                    expected: "legacy"
                ),
                Post(
                    number: "105, legacy \(version), modern",
                    fields: [Post.version(version)],
                    body: Post.call("ping"),
                    expected: "-32020 mcp_version_mismatch"
                ),
                Post(
                    number: "legacy \(version), another legacy",
                    fields: [Post.version(version)],
                    body: Post.call("ping", version: version == "2025-11-25" ? "2025-06-18" : "2025-11-25"),
                    expected: "-32020 mcp_version_mismatch"
                ),
                Post(
                    number: "103, modern, legacy \(version)",
                    fields: Post.modern("ping"),
                    body: Post.call("ping", version: version),
                    expected: "-32020 mcp_version_mismatch"
                ),
            ]
        }

    /// Rows whose version field is modern, or not known.
    static let modernRows: [Post] =
        [
            Post(
                number: "91",
                fields: Post.modern("tools/list"),
                body: Post.call("tools/list"),
                expected: "modern"
            ),
            Post(
                number: "106, modern, absent",
                fields: Post.modern("ping"),
                body: Post.legacy("ping"),
                expected: "-32602 mcp_incomplete_meta"
            ),
            Post(
                number: "110",
                fields: Post.modern("initialize"),
                body: Post.call("initialize"),
                expected: "modern"
            ),
            Post(
                number: "111",
                fields: Post.modern("initialize"),
                body: initialize,
                expected: "-32602 mcp_incomplete_meta"
            ),
            Post(
                number: "112",
                fields: Post.modern("ping"),
                body: "[\(Post.call("ping"))]",
                expected: "-32600 mcp_batch_not_allowed"
            ),
            Post(
                number: "113",
                fields: [Post.version(modern)],
                body: response,
                expected: "-32600 mcp_response_not_allowed"
            ),
            Post(
                number: "113, error",
                fields: Post.modern("ping"),
                body: #"{"jsonrpc":"2.0","error":{}}"#,
                expected: "-32600 mcp_response_not_allowed"
            ),
            Post(
                number: "114",
                fields: [Post.version(modern)],
                body: Post.notification(modern),
                expected: "modern"
            ),
            Post(
                number: "114",
                fields: Post.modern("x/y"),
                body: Post.notification(modern),
                expected: "modern"
            ),
            Post(
                number: "114, absent",
                fields: [Post.version(modern)],
                body: Post.notification(nil),
                expected: "modern"
            ),
            Post(
                number: "114, another",
                fields: [Post.version(modern)],
                body: Post.notification("2025-11-25"),
                expected: "-32020 mcp_version_mismatch"
            ),
            Post(
                number: "114, wrong method",
                fields: Post.modern("x/z"),
                body: Post.notification(modern),
                expected: "-32020 mcp_method_mismatch"
            ),
        ]
        + later.flatMap { version in
            let fields = [Post.version(version), "Mcp-Method: ping"]
            return [
                Post(
                    number: "108, \(version), equal",
                    fields: fields,
                    body: Post.call("ping", version: version),
                    expected: "modern"
                ),
                Post(
                    number: "108, \(version), absent",
                    fields: fields,
                    body: Post.legacy("ping"),
                    expected: "-32602 mcp_incomplete_meta"
                ),
                Post(
                    number: "\(version), modern",
                    fields: fields,
                    body: Post.call("ping"),
                    expected: "-32020 mcp_version_mismatch"
                ),
                Post(
                    number: "modern, \(version)",
                    fields: Post.modern("ping"),
                    body: Post.call("ping", version: version),
                    expected: "-32020 mcp_version_mismatch"
                ),
                Post(
                    number: "absent, \(version)",
                    body: Post.call("ping", version: version),
                    expected: "-32020 mcp_version_mismatch"
                ),
                Post(
                    number: "\(version), wrong method",
                    fields: fields,
                    body: Post.call("tools/list", version: version),
                    expected: "-32020 mcp_method_mismatch"
                ),
            ]
        }
        + earlier.flatMap { version in
            let fields = [Post.version(version), "Mcp-Method: ping"]
            return [
                (fields, Post.call("ping", version: version)), (fields, Post.legacy("ping")),
                (fields, Post.call("ping")), (fields, response), (fields, Post.notification(nil)),
                ([], Post.call("ping", version: version)),
            ].map {
                Post(number: "145, \(version)", fields: $0, body: $1, expected: "-32600 mcp_unknown_version")
            }
        }

    /// Version fields that are no one version.
    static let brokenFields: [Post] = [
        (["\(modern), \(modern)"], "mcp_invalid_version"), (["\(modern),2025-11-25"], "mcp_invalid_version"),
        ([","], "mcp_invalid_version"), ([""], "mcp_invalid_version"),
        (["2026-07-28é"], "mcp_invalid_version"),
        (["2026-07-28\u{A0}"], "mcp_invalid_version"), ([modern, modern], "mcp_repeated_field"),
        ([modern, "2025-11-25"], "mcp_repeated_field"), (["2025-11-25", ""], "mcp_repeated_field"),
    ].flatMap { versions, reason in
        [Post.call("ping"), Post.legacy("ping"), response, "[\(Post.legacy("ping"))]"].map { body in
            Post(
                number: "version sent as \(versions)",
                fields: versions.map(Post.version) + ["Mcp-Method: ping"],
                body: body,
                expected: "-32020 \(reason)"
            )
        }
    }

    private static func batch(_ elements: String...) -> String { "[\(elements.joined(separator: ","))]" }

    private static let list = Post.legacy("tools/list")

    /// Arrays of messages.
    static let batches: [Post] =
        [
            Post(
                number: "146",
                fields: [Post.version("2025-03-26")],
                body: batch(list, response),
                expected: "legacy"
            ),
            Post(number: "146, absent", body: batch(list, Post.notification(nil)), expected: "legacy"),
            Post(
                number: "146, named",
                body: batch(list, Post.call("ping", version: "2025-03-26")),
                expected: "legacy"
            ),
            Post(number: "148", body: batch(initialize), expected: "-32600 mcp_initialize_in_batch"),
            Post(number: "148", body: batch(list, initialize), expected: "-32600 mcp_initialize_in_batch"),
            Post(
                number: "148, escaped",
                fields: [Post.version("2025-03-26")],
                body: batch(list, Post.legacy(#"\u0069nitialize"#)),
                expected: "-32600 mcp_initialize_in_batch"
            ),
            Post(
                number: "modern element",
                body: batch(list, Post.call("ping")),
                expected: "-32600 mcp_batch_not_allowed"
            ),
            Post(
                number: "modern element",
                fields: [Post.version("2025-03-26")],
                body: batch(Post.notification(modern), list),
                expected: "-32600 mcp_batch_not_allowed"
            ),
            Post(
                number: "later element",
                body: batch(list, Post.call("ping", version: "2025-06-18")),
                expected: "-32600 mcp_batch_not_allowed"
            ),
            Post(
                number: "unknown element",
                body: batch(list, Post.call("ping", version: "1999-01-01")),
                expected: "-32600 mcp_batch_not_allowed"
            ),
            Post(
                number: "element without readable version",
                body: batch(
                    list,
                    Post.legacy("ping", #""_meta":{"io.modelcontextprotocol/protocolVersion":null}"#)
                ),
                expected: "-32602 mcp_incomplete_meta"
            ),
            Post(
                number: "element with a strange name",
                body: batch(list, Post.legacy("tools/call", #""name":["delete_page"]"#)),
                expected: "-32602 mcp_invalid_name"
            ),
            Post(
                number: "mirrors that hold",
                fields: ["Mcp-Method: tools/list"],
                body: batch(list, list),
                expected: "legacy"
            ),
            Post(
                number: "mirrors of one element",
                fields: ["Mcp-Method: tools/list"],
                body: batch(list, Post.legacy("tools/call")),
                expected: "-32020 mcp_method_mismatch"
            ),
        ]
        + (known + later + earlier + [modern]).filter { $0 != "2025-03-26" }.map { version in
            Post(
                number: "147, \(version)",
                fields: [Post.version(version)],
                body: batch(list),
                expected: "-32600 mcp_batch_not_allowed"
            )
        }

    @Test(arguments: legacyRows + modernRows + brokenFields + batches)
    func `each row of the era table has its verdict`(post: Post) {
        #expect(post.outcome() == post.expected)
    }

    @Test(
        arguments: [
            ([], nil), (known.map(Post.version).first.map { [$0] } ?? [], nil),
            ([Post.version("2025-11-25")], nil),
            ([Post.version(modern)], .methodNotAllowed), ([Post.version("v999.0.0")], .methodNotAllowed),
            ([Post.version("1999-01-01")], .unknownVersion), ([Post.version("")], .invalidVersion),
            ([Post.version("2025-11-25,2025-06-18")], .invalidVersion),
            ([Post.version("2025-11-25"), Post.version("2025-11-25")], .repeatedField),
        ] as [([String], ProtocolViolation?)]
    )
    func `case 120: GET and DELETE are legacy only`(fields: [String], violation: ProtocolViolation?) {
        for method in ["GET", "DELETE"] {
            let head = Post.head(method, fields)
            var found: ProtocolViolation?
            var era: Era?
            do throws(ProtocolViolation) {
                era = try ProtocolRules.era(ofBodiless: head)
            } catch {
                found = error
            }
            #expect(found == violation)
            #expect(era == (violation == nil ? .legacy : nil))
            #expect(found.map { $0.status == ($0 == .methodNotAllowed ? 405 : 400) } != false)
        }
    }

    @Test func `a version is modern by its place in the order`() {
        for version in Self.later + [Self.modern] {
            let octets = Array(version.utf8)
            let isModern = ProtocolRules.isModern(octets.span)
            #expect(isModern)
        }
        for version in Self.known + Self.earlier + [""] {
            let octets = Array(version.utf8)
            let isModern = ProtocolRules.isModern(octets.span)
            #expect(!isModern)
        }
    }

    @Test func `an envelope that was refused has no era`() {
        var envelope = Envelope()
        let body = Array("{".utf8)
        try? envelope.read(body.span)
        var found: ProtocolViolation?
        do throws(ProtocolViolation) {
            _ = try ProtocolRules.era(of: envelope, body: body.span, head: RequestHead())
        } catch {
            found = error
        }
        #expect(found == .noMessage)
    }
}
