// What an endpoint event may name, and what clients are told instead.

import Bytes
import HTTP
import MCP
import Testing

@Suite struct EndpointURITests {
    private static let stream = "http://10.0.0.5:3001/legacy/sse"

    private func target(_ reference: String, stream: String = stream) throws -> String? {
        let octets = reference.octets
        let base = try HTTPURL(stream, allowsQuery: true)
        return EndpointURI.target(of: octets.span, against: base).map { String(lossy: $0.span) }
    }

    @Test(arguments: [
        ("/messages/?session_id=9f", "/messages/?session_id=9f"),
        ("/messages", "/messages"),
        ("messages?sessionId=1", "/legacy/messages?sessionId=1"),
        ("?session_id=1", "/legacy/sse?session_id=1"),
        ("http://10.0.0.5:3001/messages?a=1&b=2", "/messages?a=1&b=2"),
        ("http://10.0.0.5:3001", "/"),
        ("/m/abc-123", "/m/abc-123"),
        ("m?u=http://x:1/", "/legacy/m?u=http://x:1/"),
        ("/m?a=%2F", "/m?a=%2F"),
    ])
    func `finds the target on the upstream`(reference: String, expected: String) throws {
        #expect(try target(reference) == expected)
    }

    @Test(arguments: [
        "", "http://10.0.0.6:3001/m", "http://10.0.0.5/m", "https://10.0.0.5:3001/m", "//evil.example/m",
        "//10.0.0.5:3001/m", "http://10.0.0.5:3001@evil.example/m", "http://user@10.0.0.5:3001/m",
        "javascript:alert(1)", "mailto:x", "HTTP://10.0.0.5:3001/m", "http:/m", "http:m", "/m#f", "#f",
        "/a/../admin", "../admin", "./m", "/%2e%2e/admin", "/a//b", "/a;b", "\\m", "/\\evil.example", "/a b",
        "/a\nb", "/a\tb", " /m", "/m ", "/m\u{0}", "/天気", "/%00", "/%zz", "/m?%zz", "/m?a\"b",
        "/" + String(repeating: "x", count: 512),
    ])
    func `refuses other origins and what could be read in two ways`(reference: String) throws {
        #expect(try target(reference) == nil)
    }

    @Test func `a relative reference may not grow beyond the bound`() throws {
        #expect(try target(String(repeating: "x", count: 505)) == nil)
        #expect(try target(String(repeating: "x", count: 504))?.utf8.count == 512)
    }

    @Test func `default ports are the same origin`() throws {
        #expect(try target("https://mcp.internal:443/m", stream: "https://mcp.internal/sse") == "/m")
        #expect(try target("https://mcp.internal/m", stream: "https://MCP.internal:443/sse") == "/m")
        #expect(try target("/m", stream: "http://[::1]:8080/sse") == "/m")
        #expect(try target("m", stream: "http://mcp.internal") == "/m")
    }

    @Test func `octets that are no text are refused`() throws {
        let octets: [UInt8] = [0x2F, 0xFF]
        let base = try HTTPURL(Self.stream)
        let target = EndpointURI.target(of: octets.span, against: base)
        #expect(target == nil)
    }

    @Test func `the client's place brings the sealed target back`() throws {
        let keys = SessionKeys.random()
        let binding = SessionBinding(route: "r", issuer: "i", subject: "s", client: nil)
        let upstream = "/messages/?session_id=9f".octets
        let sealed = try SessionSeal.seal(
            upstream.span,
            for: binding,
            at: PlaceTag(endpoint: EndpointTag(ofEndpoint: "sse")),
            keys: keys
        )
        let reference = EndpointURI.reference(path: "/legacy", session: sealed)
        let text = String(lossy: reference.span)
        #expect(text.hasPrefix("/legacy?session_id="))
        let query = Array(reference.dropFirst("/legacy?".utf8.count))
        let session = EndpointURI.session(inQuery: query.span) ?? []
        let opened = try SessionSeal.open(session.span, for: binding, keys: keys)
        #expect(opened.id == upstream)
    }

    @Test(arguments: [
        "", "session_id", "session_id=", "sessionId=a", "Session_id=a", "session%5Fid=a", "x=1&session_id=a",
        "session_id=a&x=1", "session_id=a&session_id=b", "session_id=a;b", "session_id=a=b", "session_id=%41",
    ])
    func `any other query is not a session's`(query: String) {
        let octets = query.octets
        let session = EndpointURI.session(inQuery: octets.span)
        #expect(session == nil)
    }
}
