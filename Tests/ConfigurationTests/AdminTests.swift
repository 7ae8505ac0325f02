// The admin listener as it is written: what it means, who may ask there, and what is refused.

import Bytes
import OpenSSL
import Policy
import Testing

@testable import Configuration

@Suite struct AdminTests {
    private static func settings(_ admin: String, file: String? = nil) throws -> AdminSettings? {
        let text = file ?? Sample.root(#""admin": \#(admin)"#)
        return try ConfigurationLoader.compile(source(text), beside: Sample.surroundings()).admin
    }

    @Test func `is not there unless it is written`() throws {
        #expect(try Self.settings("", file: Sample.file()) == nil)
    }

    @Test func `has defaults for everything but the address`() throws {
        let settings = try #require(try Self.settings(#"{ "address": "127.0.0.1:9901" }"#))
        #expect(settings.listener.address == "127.0.0.1:9901")
        #expect(settings.listener.purpose == .admin)
        #expect(settings.listener.tls == nil)
        #expect(settings.tokenDigest == nil)
        #expect(settings.metricsRoutes == 100)
    }

    @Test(arguments: [
        ("127.0.0.1:9901", ["127.0.0.1", "[::1]", "localhost"], false),
        ("127.0.0.9:9901", ["127.0.0.1", "127.0.0.9", "[::1]", "localhost"], false),
        ("[::1]:9901", ["127.0.0.1", "[::1]", "localhost"], false),
        ("unix:/run/audgate.sock", ["127.0.0.1", "[::1]", "localhost"], false),
        ("10.0.0.5:9901", ["10.0.0.5"], false), ("[2001:db8:0::5]:9901", ["[2001:db8::5]"], false),
        ("0.0.0.0:9901", ["0.0.0.0", "127.0.0.1", "[::1]", "localhost"], true),
        ("[::]:9901", ["127.0.0.1", "[::1]", "[::]", "localhost"], true),
    ])
    func `answers for the hosts that lead there by themselves`(
        _ address: String,
        _ hosts: [String],
        _ anyAddress: Bool
    ) throws {
        let admin = #"{ "address": "\#(address)", "token": { "file": "admin.token" } }"#
        let settings = try #require(try Self.settings(admin))
        #expect(settings.hosts.sorted() == hosts)
        #expect(settings.answersForAnyAddress == anyAddress)
    }

    @Test func `answers for the hosts that are written, and no others`() throws {
        let admin = """
            { "address": "0.0.0.0:9901", "hosts": ["Gateway-1.internal", "10.0.0.5", "2001:DB8::0:5", "[::1]"],
              "token": { "file": "admin.token" } }
            """
        let settings = try #require(try Self.settings(admin))
        #expect(settings.hosts == ["gateway-1.internal", "10.0.0.5", "[2001:db8::5]", "[::1]"])
        #expect(!settings.answersForAnyAddress)
    }

    @Test func `keeps the digest of the token, without the line end of its file`() throws {
        let admin = #"{ "address": "127.0.0.1:9901", "token": { "file": "admin.token" } }"#
        let token = String(Sample.adminToken.dropLast())
        #expect(try Self.settings(admin)?.tokenDigest == SHA256.digest(of: token.octets.span))
    }

    private static let tls =
        #"{ "certificates": [{ "certificate": "gateway.pem", "key": { "file": "gateway.key" } }]"#

    @Test(arguments: [
        #""token": { "file": "admin.token" }, "tls": \#(tls) }"#,
        #""tls": \#(tls), "client_certificates": { "ca": "ca.pem" } }"#,
        #""tls": \#(tls), "client_certificates": { "ca": "ca.pem", "mode": "require" } }"#,
    ])
    func `can be reached by others with TLS and a token, or with client certificates`(_ members: String) {
        let found = diagnostics(of: Sample.root(#""admin": { "address": "10.0.0.5:9901", \#(members) }"#))
        #expect(found.map(\.text) == [])
    }

    @Test func `a token without TLS is warned of where others can read it`() {
        let admin = #""admin": { "address": "10.0.0.5:9901", "token": { "file": "admin.token" } }"#
        let found = diagnostics(of: Sample.root(admin))
        #expect(found.map(\.severity) == [.warning])
        #expect(found.first?.problem.contains("its token can be read on the way") == true)
        #expect(found.first?.pointer == "/admin/address")
    }

    @Test(arguments: [
        Expectation(
            "/admin",
            "Write the admin listener as an object",
            Sample.root(#""admin": §"127.0.0.1:9901""#)
        ),
        Expectation("/admin", "\"address\" is missing", Sample.root(#""admin": §{}"#)),
        Expectation(
            "/admin/port",
            "unknown here",
            Sample.root(#""admin": { "address": "127.0.0.1:1", §"port": 1 }"#)
        ),
        Expectation(
            "/admin/address",
            "not an address",
            Sample.root(#""admin": { "address": §"localhost:9901" }"#)
        ),
        Expectation(
            "/admin/address",
            "Another listener of this configuration has this address.",
            Sample.root(#""admin": { "address": §"127.0.0.1:8080" }"#)
        ),
        Expectation(
            "/admin/address",
            "Another listener of this configuration has this address.",
            Sample.root(
                #""admin": { "address": §"127.0.0.1:81" }, "development": { "authorization_server": "127.0.0.1:81" }"#
            )
        ),
        Expectation(
            "/admin/address",
            "it would tell everybody how the gateway is. Set \"token\"",
            Sample.root(#""admin": { "address": §"0.0.0.0:9901" }"#)
        ),
        Expectation(
            "/admin/address",
            "it would tell everybody",
            Sample.root(#""admin": { "address": §"10.0.0.5:9901", "tls": \#(tls) } }"#)
        ),
        Expectation(
            "/admin/address",
            "demand client certificates in \"tls\" (mode \"require\")",
            Sample.root(
                #""admin": { "address": §"10.0.0.5:9901", "tls": \#(tls), "client_certificates": "#
                    + #"{ "ca": "ca.pem", "mode": "request" } } }"#
            )
        ),
        Expectation(
            "/admin/hosts",
            "The list is empty",
            Sample.root(#""admin": { "address": "127.0.0.1:9901", "hosts": §[] }"#)
        ),
        Expectation(
            "/admin/hosts/0",
            "without scheme, port and wildcard",
            Sample.root(#""admin": { "address": "127.0.0.1:9901", "hosts": [§"localhost:9901"] }"#)
        ),
        Expectation(
            "/admin/hosts/1",
            "\"*\" is not a host",
            Sample.root(#""admin": { "address": "127.0.0.1:9901", "hosts": ["a", §"*"] }"#)
        ),
        Expectation(
            "/admin/hosts/0",
            "not a host",
            Sample.root(#""admin": { "address": "127.0.0.1:9901", "hosts": [§"https://a"] }"#)
        ),
        Expectation(
            "/admin/token",
            "may not stand in the configuration",
            Sample.root(#""admin": { "address": "127.0.0.1:9901", "token": §"hunter2" }"#)
        ),
        Expectation(
            "/admin/token",
            "The token has 20 bytes, and needs at least 32.",
            Sample.root(#""admin": { "address": "127.0.0.1:9901", "token": §{ "file": "text" } }"#)
        ),
        Expectation(
            "/admin/token",
            "characters that cannot stand in a header",
            Sample.root(#""admin": { "address": "127.0.0.1:9901", "token": §{ "file": "gateway.key" } }"#)
        ),
        Expectation(
            "/admin/token",
            "cannot be read",
            Sample.root(#""admin": { "address": "127.0.0.1:9901", "token": §{ "file": "none" } }"#)
        ),
        Expectation(
            "/admin/metrics_routes",
            "from 1 to 10000",
            Sample.root(#""admin": { "address": "127.0.0.1:9901", "metrics_routes": §0 }"#)
        ),
        Expectation(
            "/admin/metrics_routes",
            "out of bounds",
            Sample.root(#""admin": { "address": "127.0.0.1:9901", "metrics_routes": §10001 }"#)
        ),
        Expectation(
            "/admin/tls/certificates",
            "The list is empty",
            Sample.root(#""admin": { "address": "10.0.0.5:9901", "tls": { "certificates": §[] } }"#)
        ),
    ])
    func `refuses what is wrong`(_ row: Expectation) { row.expectRefusal() }
}
