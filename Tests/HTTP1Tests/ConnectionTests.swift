// `Connection`: what it may name, and what is marked by it.

import Bytes
import HTTP
import HTTP1
import Testing

@Suite struct ConnectionTests {
    @Test func `marks the fields that it names, in any case and order`() throws {
        let names = try Self.names(
            "X-Hop: 1\r\nConnection: x-hop , Other-Hop,close\r\nOTHER-HOP: 2\r\nx-hop: 3\r\nX-Hopp: 4\r\n"
        )
        #expect(names == [.host, .nominated, .connection, .nominated, .nominated, .other])
    }

    @Test func `leaves known hop-by-hop fields what they are`() throws {
        let names = try Self.names(
            "Connection: TE, Upgrade, Keep-Alive, Proxy-Connection\r\nTE: trailers\r\nUpgrade: x\r\nKeep-Alive: 1\r\n"
        )
        #expect(names == [.host, .connection, .te, .upgrade, .keepAlive])
    }

    @Test(arguments: FieldName.allCases)
    func `names nothing that audgate decides by`(name: FieldName) {
        let decisive: [FieldName: String] = [
            .host: "Host", .contentLength: "Content-Length", .transferEncoding: "Transfer-Encoding",
            .connection: "Connection", .expect: "Expect", .contentType: "Content-Type",
            .contentEncoding: "Content-Encoding", .accept: "Accept", .authorization: "Authorization",
            .proxyAuthorization: "Proxy-Authorization", .cookie: "Cookie", .dpop: "DPoP", .origin: "Origin",
            .mcpProtocolVersion: "MCP-Protocol-Version", .mcpSessionID: "Mcp-Session-Id",
            .mcpMethod: "Mcp-Method",
            .mcpName: "Mcp-Name", .mcpParameter: "Mcp-Param-X", .lastEventID: "Last-Event-ID",
            .accessControlRequestMethod: "Access-Control-Request-Method", .setCookie: "Set-Cookie",
            .wwwAuthenticate: "WWW-Authenticate", .traceparent: "traceparent",
        ]
        guard let text = decisive[name] else { return }
        #expect(throws: MessageViolation.forbiddenConnectionOption) {
            try Self.names("Connection: \(text.uppercased())\r\n")
        }
    }

    @Test func `names sixteen fields and no more`() throws {
        let options = (1...17).map { "x\($0)" }
        _ = try Self.names("Connection: close,\(options.prefix(16).joined(separator: ",")),,keep-alive\r\n")
        #expect(throws: MessageViolation.forbiddenConnectionOption) {
            try Self.names("Connection: \(options.joined(separator: ","))\r\n")
        }
        let lines = options.map { "Connection: \($0)\r\n" }.joined()
        #expect(throws: MessageViolation.forbiddenConnectionOption) { try Self.names(lines) }
    }

    @Test(arguments: [
        ("1.1", "", true), ("1.1", "close", false), ("1.1", "Close", false), ("1.1", "keep-alive", true),
        ("1.1", "x, CLOSE", false), ("1.1", "closed", true), ("1.1", ",,", true), ("1.1", "", true),
        ("1.0", "", false), ("1.0", "keep-alive", true), ("1.0", "Keep-Alive", true), ("1.0", "close", false),
        ("1.0", "keep-alive, close", false), ("1.0", "x", false), ("1.0", "keep-alive-not", false),
    ])
    func `says whether the connection persists`(version: String, options: String, persists: Bool) throws {
        var head = RequestHead()
        var parser = RequestParser(limits: MessageLimits())
        let text = "GET / HTTP/\(version)\r\nHost: a\r\nConnection: \(options)\r\n\r\n"
        let length = try parser.parse(text.utf8Span.span, into: &head)
        let isPersistent = head.isPersistent
        #expect(length == text.utf8.count)
        #expect(isPersistent == persists)
    }

    /// The names of the fields of a request with `fields` behind `Host`.
    private static func names(_ fields: String) throws(MessageViolation) -> [FieldName] {
        var head = RequestHead()
        var parser = RequestParser(limits: MessageLimits())
        let text = "GET / HTTP/1.1\r\nHost: a\r\n\(fields)\r\n"
        _ = try parser.parse(text.utf8Span.span, into: &head)
        return head.fields.lines.map(\.name)
    }
}
