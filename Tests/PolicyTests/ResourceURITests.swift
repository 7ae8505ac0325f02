// A resource has exactly one spelling.

import Policy
import Testing

@Suite struct ResourceURITests {
    @Test(arguments: [
        "https://mcp.example.com", "https://mcp.example.com/files", "https://mcp.example.com/a/b%20c",
        "https://mcp.example.com:8443/files", "https://mcp.example.com:80/x", "https://[2001:db8::1]/x",
        "https://[2001:db8::1]:8443/x", "http://localhost/x", "http://localhost:8080/x",
        "http://127.0.0.1:3000/mcp",
        "http://127.9.9.9/x", "http://[::1]:1/x", "https://mcp.example.com/Files",
        "https://mcp.example.com/a%2Cb",
    ])
    func `accepts what is canonical`(text: String) throws {
        #expect(try ResourceURI(text).text == text)
    }

    @Test(arguments: [
        ("HTTPS://mcp.example.com/x", "https://mcp.example.com/x"),
        ("https://MCP.example.com/x", "https://mcp.example.com/x"),
        ("https://mcp.example.com:443/x", "https://mcp.example.com/x"),
        ("http://localhost:80/x", "http://localhost/x"),
        ("https://mcp.example.com/", "https://mcp.example.com"),
        ("https://mcp.example.com/x/", "https://mcp.example.com/x"),
        ("https://[2001:DB8::1]:443/", "https://[2001:db8::1]"),
    ])
    func `refuses another spelling and shows the canonical one`(text: String, canonical: String) {
        #expect(throws: ResourceURIError.notCanonical(canonical)) { try ResourceURI(text) }
    }

    @Test(
        arguments: [
            ("", .notAbsolute), ("mcp.example.com", .notAbsolute), ("/files", .notAbsolute),
            ("ftp://a/x", .notAbsolute),
            ("https:/a", .notAbsolute), (" https://a", .notAbsolute), ("urn:x:y", .notAbsolute),
            ("https:a", .notAbsolute),
            ("https://", .invalidAuthority), ("https:///x", .invalidAuthority),
            ("https://a:0", .invalidAuthority),
            ("https://a:/x", .invalidAuthority), ("https://a:65536", .invalidAuthority),
            ("https://a b", .invalidAuthority),
            ("https://\u{212A}.example", .invalidAuthority), ("https://caf\u{E9}.example", .invalidAuthority),
            ("https://*.example.com/x", .invalidAuthority), ("https://a%2eb", .invalidAuthority),
            ("https://a\\b", .invalidAuthority), ("https://[::1", .invalidAuthority),
            ("https://a\u{0}", .invalidAuthority),
            ("https://u@a/x", .hasUserInfo), ("https://u:p@a/x", .hasUserInfo),
            ("https://a#b", .hasFragment), ("https://a/x#", .hasFragment), ("https://a?b", .hasQuery),
            ("https://a/x?", .hasQuery),
            ("https://a/../x", .notCanonical("https://a/x")), ("https://a/x/.", .notCanonical("https://a/x")),
            ("https://a//x", .notCanonical("https://a/x")), ("https://a/x//", .notCanonical("https://a/x")),
            ("https://a/%2e", .invalidPath), ("https://a/%41", .invalidPath),
            ("https://a/x%2fy", .invalidPath), ("https://a/x;y", .invalidPath),
            ("https://a/\\", .invalidPath),
            ("https://a/caf\u{E9}", .invalidPath), ("https://a/\u{212A}", .invalidPath),
            ("https://a/x y", .invalidPath),
            ("https://a/%", .invalidPath), ("https://a/%zz", .invalidPath), ("https://a/\u{0}", .invalidPath),
            ("https://a/x\u{301}", .invalidPath),
            ("http://mcp.example.com/x", .insecure), ("http://localhost.example.com/x", .insecure),
            ("http://127.0.0.1.example.com/x", .insecure), ("http://128.0.0.1/x", .insecure),
            ("http://[::2]/x", .insecure),
            ("http://0.0.0.0/x", .insecure), ("http://127.1/x", .insecure),
        ] as [(String, ResourceURIError)]
    )
    func `refuses everything else`(text: String, error: ResourceURIError) {
        #expect(throws: error) { try ResourceURI(text) }
    }

    @Test(arguments: [
        ("https://a.example", "/.well-known/oauth-protected-resource"),
        ("https://a.example/x/y", "/.well-known/oauth-protected-resource/x/y"),
    ])
    func `has its metadata below the well-known prefix`(text: String, path: String) throws {
        let resource = try ResourceURI(text)
        #expect(resource.metadataPath == path)
        #expect(resource.metadataURL == "https://a.example" + path)
    }
}
