// Networks as people write them, and who is in them.

import Testing
import Transport

@Suite struct NetworkTests {
    @Test(arguments: [
        ("10.0.0.0/8", "10.255.255.255", true), ("10.0.0.0/8", "11.0.0.0", false),
        ("10.0.0.0/8", "9.255.255.255", false), ("10.64.0.0/10", "10.127.0.1", true),
        ("10.64.0.0/10", "10.128.0.0", false), ("10.0.0.0/31", "10.0.0.1", true),
        ("10.0.0.0/31", "10.0.0.2", false), ("127.0.0.1", "127.0.0.1", true),
        ("127.0.0.1", "127.0.0.2", false), ("127.0.0.1/32", "127.0.0.1", true),
        ("0.0.0.0/0", "255.255.255.255", true), ("0.0.0.0/0", "::1", false),
        ("0.0.0.0/1", "127.0.0.1", true), ("0.0.0.0/1", "128.0.0.0", false),
        ("::1/128", "::1", true), ("::1", "::1", true), ("::1", "::2", false), ("::1", "127.0.0.1", false),
        ("2001:db8::/33", "2001:db8:7fff::1", true), ("2001:db8::/33", "2001:db8:8000::1", false),
        ("::/0", "2001:db8::1", true), ("::/0", "1.2.3.4", false), ("fe80::/10", "febf::1", true),
        ("fe80::/10", "fec0::1", false),
    ])
    func `holds the addresses that share its prefix`(text: String, host: String, isInside: Bool) throws {
        let network = try #require(Network(text))
        let address = try #require(SocketAddress(host: host, port: 80))
        #expect(network.contains(address) == isInside)
    }

    @Test(arguments: [
        ("10.0.0.0/8", "::ffff:10.1.2.3", true), ("10.0.0.0/8", "::ffff:11.1.2.3", false),
        ("::ffff:10.0.0.0/104", "10.1.2.3", true), ("::ffff:10.0.0.0/104", "::ffff:10.1.2.3", true),
        ("::ffff:10.0.0.0/104", "11.1.2.3", false), ("::ffff:0:0/96", "1.2.3.4", true),
        ("::ffff:127.0.0.1", "127.0.0.1", true), ("::/0", "::ffff:1.2.3.4", false),
        ("::a01:203", "10.1.2.3", false),
    ])
    func `takes an IPv4-mapped address for IPv4`(text: String, host: String, isInside: Bool) throws {
        let network = try #require(Network(text))
        let address = try #require(SocketAddress(host: host, port: 0))
        #expect(network.contains(address) == isInside)
    }

    @Test func `holds no Unix socket`() throws {
        let address = try #require(SocketAddress("unix:/x"))
        for text in ["0.0.0.0/0", "::/0"] {
            #expect(try !#require(Network(text)).contains(address))
        }
    }

    @Test(arguments: [
        ("0.0.0.0/0", 0), ("::/0", 0), ("10.0.0.0/8", 8), ("1.2.3.4", 32), ("::1", 128),
        ("::ffff:0:0/96", 0),
    ])
    func `knows how long its prefix is`(text: String, length: Int) throws {
        #expect(try #require(Network(text)).prefixLength == length)
    }

    @Test func `is the same however it is written`() {
        #expect(Network("127.0.0.1") == Network("127.0.0.1/32"))
        #expect(Network("::1") == Network("0:0::1/128"))
        #expect(Network("::ffff:10.0.0.0/104") == Network("10.0.0.0/8"))
        #expect(Network("10.0.0.0/8") != Network("10.0.0.0/9"))
    }

    @Test(arguments: [
        "", "/", "/8", "10.0.0.0/", "10.0.0.0/33", "10.0.0.0/-1", "10.0.0.0/+8", "10.0.0.0/08",
        "10.0.0.0/8/8",
        "10.0.0.0/8 ", " 10.0.0.0/8", "10.0.0.0 /8", "10.0.0.0/٨", "10.0.0.0/255.0.0.0",
        "10.0.0.0/99999999999999999999", "10.0.0/8", "10/8", "10.0.0.1/8", "10.0.0.0/4", "256.0.0.0/8",
        "::1/129", "::1/127", "[::1]/128", "[::1]", "::g/128", "fe80::1%lo/128", "::ffff:10.0.0.1/104",
        "localhost", "*", "all", "unix:/x", "10.0.0.0\u{0}/8", "127.0.0.1:80",
    ])
    func `refuses what is no network`(text: String) {
        #expect(Network(text) == nil)
    }
}
