// What of a message goes on, in each direction; and the line of the access log.

import Bytes
import HTTP
import HTTP1
import JOSE
import JSON
import OpenSSL
import Policy
import Testing
import Transport

@testable import Proxy

@Suite struct `Forwarded fields` {
    /// The names that go on to a server, whatever the credentials mode.
    private static let toServer: Set<FieldName> = [
        .other, .contentType, .contentEncoding, .accept, .date, .cacheControl, .via, .mcpProtocolVersion,
        .mcpMethod, .mcpName, .mcpParameter, .xAccelBuffering, .location, .retryAfter, .vary, .originWide,
    ]

    /// All that the fate of some fields may depend on.
    private static let rules = UpstreamCredentials.allCases.flatMap { credentials in
        [true, false].flatMap { isLegacy in
            [true, false].map { isRewritten in
                ForwardedFields.RequestRules(
                    credentials: credentials,
                    isLegacy: isLegacy,
                    isRewritten: isRewritten
                )
            }
        }
    }

    /// The names that never reach a client.
    private static let notToClient: Set<FieldName> = [
        .host, .contentLength, .transferEncoding, .connection, .expect, .trailer, .te, .upgrade, .keepAlive,
        .proxyConnection, .http2Settings, .nominated, .wwwAuthenticate, .proxyAuthenticate,
        .proxyAuthenticationInfo, .proxyAuthorization, .accessControl, .accessControlRequestMethod,
        .accessControlRequestHeaders, .setCookie, .originWide, .proxyCommand, .xAccelBuffering,
        .mcpSessionID,
    ]

    @Test(arguments: FieldName.allCases)
    func `go on by the table`(_ name: FieldName) {
        for rules in Self.rules {
            let isAllowedHere =
                switch name {
                case .authorization: rules.credentials == .forward
                case .lastEventID: rules.isLegacy
                case .acceptEncoding: !rules.isRewritten
                default: Self.toServer.contains(name)
                }
            #expect(ForwardedFields.goesToServer(name, rules: rules) == isAllowedHere)
        }
        #expect(ForwardedFields.goesToClient(name) == !Self.notToClient.contains(name))
    }

    /// Cases 167 to 169: names that a client may not bring, in any spelling.
    @Test(arguments: [
        "X-User", "x-UsEr", "X_User", "X-Forwarded-For", "x-forwarded-anything", "Forwarded", "Client-Cert",
        "X-SSL-Client-Cert", "Cookie", "Proxy-Authorization", "Remote-User", "X-Real-IP", "DPoP", "Proxy",
        "X-Original-URL", "X-HTTP-Method-Override", "Origin", "TE", "Upgrade", "Keep-Alive",
        "Transfer_Encoding",
        "X-Forwarded_For", "X-Auth-Request-Email", "X-Audgate-Principal",
    ])
    func `of a client do not reach a server under names that servers trust`(_ name: String) {
        let field = FieldName(name.octets.span)
        for rules in Self.rules { #expect(!ForwardedFields.goesToServer(field, rules: rules)) }
    }
}

@Suite struct `An access log line` {
    private static func snapshot(_ resource: String) throws -> Snapshot {
        let upstream = Upstream(endpoints: [], credentials: .strip, connectTimeout: 1, responseTimeout: 1)
        let routes = try [resource, "https://gw.example/other"].map {
            Route(resource: try ResourceURI($0), issuers: [], issuerURIs: [], upstream: upstream)
        }
        return Snapshot(hash: "", listeners: [], issuers: [], routes: routes)
    }

    /// Texts that break JSON where somebody forgot to escape.
    @Test(arguments: [
        "plain", "\"", "\\", "a\"b\\c", "\u{0}\u{1F}\n\r\t", "\u{2028}\u{FFFD}\u{10FFFF}", "}{,",
        "unix:/tmp/a\"b",
    ])
    func `is one JSON object whatever its texts are`(_ text: String) throws {
        let snapshot = try Self.snapshot("https://gw.example/a'b%22c")
        var record = AccessRecord()
        record.route = RouteID(0)
        record.intendedRoute = RouteID(1)
        record.endpoint = text
        record.detail = text
        record.status = 502
        record.reason = .failure(.upstreamClosed)
        for address in ["192.0.2.1:1", "[2001:db8::1]:1", "unix:/tmp/\"x"] {
            let client = try #require(SocketAddress(address))
            var buffer = ByteBuffer()
            record.append(client: client.host, snapshot: snapshot, clock: RoundClock(), to: &buffer)
            let line = String(lossy: buffer.span)
            #expect(line.hasSuffix("}\n") && line.dropLast().firstIndex(of: "\n") == nil)
            let object = try JSONReader.read(String(line.dropLast()).octets.span).object
            #expect(object?["upstream"]?.string == text)
            #expect(object?["detail"]?.string == text)
            #expect(object?["decision"]?.string == "fail")
            #expect(object?["event"]?.string == "cross_audience_replay")
            #expect(object?["issued_for"]?.string == "https://gw.example/other")
        }
    }

    @Test func `is well formed for every reason there is`() throws {
        let snapshot = try Self.snapshot("https://gw.example/notion")
        let client = try #require(SocketAddress("127.0.0.1:1"))
        let reasons =
            AccessReason.allCases.map { Reason.access($0) } + TokenRefusal.Reason.allCases.map { .token($0) }
            + MessageViolation.allCases.map { .message($0) } + FailureReason.allCases.map { .failure($0) }
        for reason in reasons {
            var record = AccessRecord()
            record.reason = reason
            record.status = Answer(reason).status
            var buffer = ByteBuffer()
            record.append(client: client.host, snapshot: snapshot, clock: RoundClock(), to: &buffer)
            let object = try JSONReader.read(buffer.span.extracting(..<(buffer.count - 1))).object
            #expect(object?["reason"]?.string == reason.code)
            #expect(object?["route"] == nil)
        }
    }
}

extension WorkerTests {
    @Suite struct `The access log of a worker` {
        @Test func `holds no token, no query and no value that MCP keeps secret`() throws {
            let server = try ScriptedServer.answering()
            let gateway = try TestGateway(servers: [server.port])
            let client = Peer(port: gateway.port)
            let fields = "Mcp-Session-Id: s3cret\r\nMcp-Param-X: s3cret\r\nCookie: s3cret\r\n"
            let good = try gateway.request(fields: fields).replacing("/notion ", with: "/notion?a=s3cret ")
            let bad = "GET /notion?access_token=s3cret HTTP/1.1\r\nHost: gw.example\r\n\r\n"
            let other =
                "GET /s3cret HTTP/1.1\r\nHost: gw.example\r\n\r\nS3CRET / HTTP/1.1\r\nHost: s3cret\r\n\r\n"
            client.send(good + bad + other + "broken s3cret\r\n\r\n")
            _ = client.receive()
            gateway.stop()
            let lines = gateway.logged()
            #expect(lines.split(separator: "\n").count == 5)
            #expect(!lines.lowercased().contains("s3cret"))
            #expect(!lines.contains("eyJ"))
            for line in lines.split(separator: "\n") {
                let object = try JSONReader.read(String(line).octets.span).object
                #expect(object?["time"] != nil)
            }
        }
    }
}
