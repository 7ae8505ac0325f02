// Which names get a treatment of their own, in any spelling, and which do not.

import Bytes
import HTTP
import Testing

@Suite struct FieldNameTests {
    @Test(
        arguments: [
            ("Host", .host), ("Content-Length", .contentLength), ("Transfer-Encoding", .transferEncoding),
            ("Connection", .connection), ("Expect", .expect), ("Trailer", .trailer), ("TE", .te),
            ("Upgrade", .upgrade),
            ("Keep-Alive", .keepAlive), ("Proxy-Connection", .proxyConnection),
            ("HTTP2-Settings", .http2Settings),
            ("Content-Type", .contentType), ("Accept", .accept), ("Date", .date), ("Location", .location),
            ("Authorization", .authorization), ("Proxy-Authorization", .proxyAuthorization),
            ("WWW-Authenticate", .wwwAuthenticate), ("Proxy-Authenticate", .proxyAuthenticate),
            ("Cookie", .cookie), ("Set-Cookie", .setCookie), ("DPoP", .dpop), ("Origin", .origin),
            ("Access-Control-Request-Method", .accessControlRequestMethod),
            ("Access-Control-Allow-Origin", .accessControl), ("Mcp-Session-Id", .mcpSessionID),
            ("MCP-Protocol-Version", .mcpProtocolVersion), ("Mcp-Method", .mcpMethod), ("Mcp-Name", .mcpName),
            ("Last-Event-ID", .lastEventID), ("Mcp-Param-Region", .mcpParameter), ("Via", .via),
            ("Forwarded", .forwarded), ("X-Forwarded-For", .xForwarded),
            ("X-Forwarded-Anything", .xForwarded),
            ("X-Real-IP", .xRealIP), ("traceparent", .traceparent), ("tracestate", .tracestate),
            ("Client-Cert", .clientCertificate), ("Client-Cert-Chain", .clientCertificate),
            ("X-SSL-Client-Verify", .clientCertificate), ("SSL-Client-Cert", .clientCertificate),
            ("X-Remote-User", .identity), ("Remote-User", .identity), ("X-User-Email", .identity),
            ("Proxy", .identity),
            ("X-Audgate-Anything", .identity), ("X-Original-URL", .identity),
            ("X-HTTP-Method-Override", .identity),
            ("Strict-Transport-Security", .originWide), ("Clear-Site-Data", .originWide),
            ("Alt-Svc", .originWide),
        ] as [(String, FieldName)]
    )
    func `knows a name in any case`(text: String, name: FieldName) {
        for spelling in [text, text.lowercased(), text.uppercased()] {
            let found = FieldName(spelling.utf8Span.span)
            #expect(found == name, "\(spelling)")
        }
    }

    @Test(arguments: [
        "X", "Hos", "Hostt", "Content-Lengt", "Content-Length2", "XContent-Length", "Content-Md5",
        "Transfer-Encodin",
        "X-Forwarde", "Mcp-Para", "Mcp", "Authorizatio", "Tex", "T", "Accept-Language", "User-Agent",
        "Access-Control",
    ])
    func `leaves other names alone`(text: String) {
        let name = FieldName(text.utf8Span.span)
        #expect(name == .other)
    }

    /// Gateways of the CGI kind read `_` and the like as `-`: these would become the fields that were checked or removed.
    @Test(arguments: [
        "Content_Length", "Transfer_Encoding", "Mcp_Session_Id", "X_Forwarded_For", "X_Remote_User", "_",
        "a_b",
        "Authorization_", "X.User", "X-Remote.User", "X~User", "!", "~",
    ])
    func `marks names with anything but letters, digits and hyphens`(text: String) {
        let name = FieldName(text.utf8Span.span)
        #expect(name == .ambiguous)
    }

    @Test(arguments: [
        "Remote-Groups", "X-Auth-Email", "X-Consumer-Username", "X-Pomerium-Jwt-Assertion",
        "cf-access-jwt-assertion",
        "X-ID-Token", "X-Original-Host", "X-Userinfo", "Impersonate-User", "x-ms-token-aad-id-token",
    ])
    func `knows the names under which proxies say who the user is`(text: String) {
        let octets = Array(text.utf8)
        let name = FieldName(octets.span)
        #expect(name == .identity)
    }

    @Test(arguments: ["X-Accel-Redirect", "x-accel-charset", "X-Sendfile", "X-Lighttpd-Send-File", "Refresh"])
    func `knows the fields that a proxy in front would obey`(text: String) {
        let octets = Array(text.utf8)
        let name = FieldName(octets.span)
        #expect(name == .proxyCommand)
    }

    @Test func `an empty name is no known name`() {
        let name = FieldName(Span())
        #expect(name == .other)
    }

    @Test func `methods have a case`() {
        let methods = ["GET", "get", "POST", "Post", "PATCH", ""].map { HTTP.Method($0.utf8Span.span) }
        #expect(methods == [.get, .other, .post, .other, .other, .other])
        for method in [HTTP.Method.get, .head, .post, .delete, .options, .connect, .trace] {
            let again = method.name.map { HTTP.Method("\($0)".utf8Span.span) }
            #expect(again == method)
        }
    }
}
