// Paths that have one meaning, and paths that could have two.

import Bytes
import HTTP
import Testing

@Suite struct RequestTargetTests {
    @Test(arguments: [
        ("/", "/", ""), ("/mcp", "/mcp", ""), ("/mcp/", "/mcp/", ""), ("/a/b/c", "/a/b/c", ""),
        ("/.well-known/oauth-protected-resource", "/.well-known/oauth-protected-resource", ""),
        ("/...", "/...", ""), ("/.a", "/.a", ""), ("/a.", "/a.", ""), ("/a..b", "/a..b", ""),
        ("/..a/b", "/..a/b", ""), ("/-._~!$&'()*+,=:@", "/-._~!$&'()*+,=:@", ""),
        ("/a%20b", "/a%20b", ""), ("/%22%3C%3e", "/%22%3C%3e", ""), ("/%25", "/%25", ""),
        ("/a?", "/a", ""), ("/a?b", "/a", "b"), ("/a?b?c", "/a", "b?c"), ("/?", "/", ""),
        ("/a?x=/../b;c//%2f%5c%00", "/a", "x=/../b;c//%2f%5c%00"), ("/a?%41", "/a", "%41"),
    ])
    func `takes path and query as they are`(text: String, path: String, query: String) throws {
        let bytes = text.utf8Span.span
        let target = try RequestTarget(ByteRange(0, bytes.count), in: bytes)
        #expect(String(lossy: bytes.extracting(target.path)) == path)
        #expect(String(lossy: bytes.extracting(target.query)) == query)
    }

    @Test(arguments: [
        "/.", "/..", "/./", "/../", "/a/.", "/a/..", "/a/./b", "/a/../b", "/a/b/..", "/..?x", "/a/.?",
        "/%2e", "/%2E%2e", "/.%2e/a", "/%2e./a", "/a/%2e%2e/b", "/a%2fb", "/a%2Fb", "/%2f", "/a%5cb",
        "/a%5Cb",
        "/a\\b", "/\\", "/..\\a", "//", "//a", "/a//b", "/a//", "///", "/a;b", "/;", "/a;jsessionid=1",
        "/..;/a",
        "/%00", "/a%00", "/%0a", "/%0D%0a", "/%1f", "/%7f", "/%80", "/%c3%a9", "/%ff", "/%C0%AF",
        "/%E2%80%AE",
        "/%41", "/%61", "/%7e", "/%2d", "/%5F", "/%30",
    ])
    func `refuses a path that readers could understand differently`(text: String) {
        #expect(throws: MessageViolation.ambiguousPath) { try Self.read(text) }
    }

    @Test(arguments: [
        "", "a", "*", "?", "?a", "%2f", "http://a/", "/a b", "/a\tb", "/a\u{0}", "/\u{7F}", "/\u{1}", "/a#b",
        "/#",
        "/caf\u{E9}", "/\u{202E}", "/a\"b", "/<a>", "/a[b]", "/a^b", "/a`b", "/{a}", "/a|b", "/%", "/%2",
        "/%zz", "/%2g",
        "/%g2", "/a%", "/%%41", "/% 41", "/%+1", "/%u0041", "/a?b c", "/a?b#c", "/a?\u{E9}", "/a?b\u{0}",
        "/a?%", "/a?%4",
        "/a?%zz", "/a?%u0041", "/a?\"", "/a?<", "/a?\\", "/a?^", "/a?`", "/a?{", "/a?|", "/a?[b]", "/%2?e",
    ])
    func `refuses a target against the grammar`(text: String) {
        #expect(throws: MessageViolation.invalidTarget) { try Self.read(text) }
    }

    @Test func `judges every octet of a path, plain and escaped`() {
        let plain = Set(
            "-._~!$&'()*+,=:@abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789/?".utf8
        )
        let unreserved = Set("-._~abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789".utf8)
        for byte in UInt8.min...UInt8.max {
            let path = Array("/x".utf8) + [byte] + Array("y".utf8)
            #expect(Self.isAccepted(path) == plain.contains(byte), "\(byte)")
            let hexadecimal = [ASCII.hexDigit(byte >> 4), ASCII.hexDigit(byte)]
            let mayBeEscaped =
                byte >= 0x20 && byte < 0x7F && byte != 0x2F && byte != 0x5C && !unreserved.contains(byte)
            #expect(Self.isAccepted(Array("/x%".utf8) + hexadecimal + [0x79]) == mayBeEscaped, "\(byte)")
        }
    }

    private static func read(_ text: String) throws(MessageViolation) {
        let bytes = text.utf8Span.span
        _ = try RequestTarget(ByteRange(0, bytes.count), in: bytes)
    }

    private static func isAccepted(_ path: [UInt8]) -> Bool {
        (try? RequestTarget(ByteRange(0, path.count), in: path.span)) != nil
    }
}

@Suite struct AuthorityTests {
    @Test(arguments: [
        "a", "a.example", "A.EXAMPLE", "a.example:1", "a.example:65535", "127.0.0.1", "127.0.0.1:80", "[::1]",
        "[::1]:8080", "[2001:db8::1]:443", "[::ffff:1.2.3.4]", "a_b", "xn--caf-dma.example", "a.example.",
        String(repeating: "a", count: 262),
    ])
    func `accepts a host with an optional port`(text: String) {
        let isValid = Authority.isValid(text.utf8Span.span)
        #expect(isValid)
    }

    @Test(arguments: [
        "", ":", ":80", "a:", "a:0", "a:080", "a:65536", "a:99999", "a:100000", "a:+1", "a:1x", "a:-1", "a b",
        "a\tb", "a/",
        "a?", "a#", "a@b", "u:p@a", "a,b", "a%20b", "a%2e", "caf\u{E9}", "a\u{0}", "[", "[]", "[:]x", "[::1",
        "::1]", "[::1]]",
        "[::1]80", "[::1]:", "[::1]:x", "[::g]", "[fe80::1%25eth0]", "[[::1]]", "a:80:80", "a\\b", "a;b",
        "a*", "(a)",
        "\u{212A}", String(repeating: "a", count: 263),
    ])
    func `refuses everything else`(text: String) {
        let isValid = Authority.isValid(text.utf8Span.span)
        #expect(!isValid)
    }
}
