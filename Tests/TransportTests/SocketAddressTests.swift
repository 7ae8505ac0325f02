// Addresses as people write them.

import Testing
import Transport

@Suite struct SocketAddressTests {
    @Test(arguments: [
        "127.0.0.1:80", "0.0.0.0:0", "255.255.255.255:65535", "[::1]:8080", "[::]:1", "[2001:db8::1]:443",
        "[::ffff:1.2.3.4]:80", "unix:/run/audgate.sock", "unix:/with space:and:colons",
    ])
    func `prints what it read`(text: String) throws {
        let address = try #require(SocketAddress(text))
        #expect(address.description == text)
        #expect(SocketAddress(address.description) == address)
    }

    @Test(arguments: [
        "", ":", ":80", "80", "localhost:80", "a.example:80", "127.0.0.1", "127.0.0.1:", "127.0.0.1:65536",
        "127.0.0.1:-1", "127.0.0.1:+1", "127.0.0.1: 80", "127.0.0.1:8O", "127.0.0.1:٨٠", "127.0.0.1 :80",
        " 127.0.0.1:80",
        "127.0.0.1:80 ", "127.1:80", "127.0.0.256:80", "127.0.0.1.1:80", "0x7f.0.0.1:80", "127.0.0.01:80",
        "1:80",
        "[::1]", "[::1]:", "[::1", "::1]:80", "[]:80", "[127.0.0.1]:80", "[[::1]]:80", "[::1]80", "[::g]:80",
        "[::1%lo]:80", "[::1]x:80", "http://127.0.0.1:80", "127.0.0.1:80/", "*:80",
        "unix:", "unix:relative", "unix:@abstract", "unix:/a\u{0}b",
        "unix:/" + String(repeating: "a", count: 107),
        "Unix:/a",
    ])
    func `refuses everything else`(text: String) {
        #expect(SocketAddress(text) == nil)
    }

    /// Without brackets the last group could be a port or not.
    @Test(arguments: ["::1:80", "::1", "2001:db8::1:443", "::", "fe80::1:2:3"])
    func `refuses IPv6 without brackets`(text: String) {
        #expect(SocketAddress(text) == nil)
    }

    @Test func `does not stop reading at NUL`() {
        #expect(SocketAddress("127.0.0.1\u{0}.evil.example:80") == nil)
        #expect(SocketAddress(host: "127.0.0.1\u{0}", port: 80) == nil)
        #expect(SocketAddress(host: "::1\u{0}x", port: 80) == nil)
    }

    @Test(arguments: [
        ("127.0.0.1:1", true), ("127.255.0.1:1", true), ("128.0.0.1:1", false), ("0.0.0.0:1", false),
        ("[::1]:1", true), ("[::2]:1", false), ("[::]:1", false), ("[::ffff:127.0.0.1]:1", true),
        ("[::ffff:10.0.0.1]:1", false), ("[::7f00:1]:1", false), ("unix:/x", true),
    ])
    func `knows loopback`(text: String, isLoopback: Bool) throws {
        #expect(try #require(SocketAddress(text)).isLoopback == isLoopback)
    }

    @Test(arguments: [
        ("127.0.0.1:1", "127.0.0.1:1", true), ("127.0.0.1:1", "127.0.0.1:2", false),
        ("127.0.0.1:1", "127.0.0.2:1", false), ("127.0.0.1:1", "0.0.0.0:1", true),
        ("0.0.0.0:1", "127.0.0.1:2", false), ("[::1]:1", "[::]:1", true), ("[::]:1", "0.0.0.0:1", false),
        ("[::1]:1", "127.0.0.1:1", false), ("unix:/x", "unix:/x", true), ("unix:/x", "unix:/y", false),
    ])
    func `knows where two listeners cannot both be`(first: String, second: String, overlap: Bool) throws {
        let (first, second) = (try #require(SocketAddress(first)), try #require(SocketAddress(second)))
        #expect(first.overlaps(second) == overlap)
        #expect(second.overlaps(first) == overlap)
    }

    @Test(arguments: [
        ("192.0.2.1:80", "192.0.2.1:81", true), ("192.0.2.1:80", "192.0.2.2:80", false),
        ("[::ffff:192.0.2.1]:80", "192.0.2.1:80", true),
        ("[2001:db8:1:2::1]:80", "[2001:db8:1:2:ffff:ffff:ffff:ffff]:80", true),
        ("[2001:db8:1:2::1]:80", "[2001:db8:1:3::1]:80", false), ("[::1]:80", "127.0.0.1:80", false),
        // Four octets are never the first of eight.
        ("[c000:201::]:80", "192.0.2.1:80", false),
    ])
    func `knows which addresses are of one site`(first: String, second: String, isSame: Bool) throws {
        let sites = try [first, second].map { try #require(SocketAddress($0)?.site) }
        #expect((sites[0] == sites[1]) == isSame)
    }

    @Test func `a Unix path is of no site`() {
        #expect(SocketAddress("unix:/x")?.site == nil)
    }

    @Test func `names are looked up with their port, each address once`() throws {
        let addresses = try NameLookup.addresses(of: "localhost", port: 81)
        #expect(!addresses.isEmpty)
        for address in addresses {
            #expect(address.description.hasSuffix(":81"))
            #expect(addresses.count { $0 == address } == 1)
        }
        #expect(try NameLookup.addresses(of: "::1", port: 2).map(\.description) == ["[::1]:2"])
        #expect(throws: NameLookupError.self) {
            try NameLookup.addresses(of: "localhost\u{0}x", port: 1)
        }
    }
}
