// The development servers over real sockets.

import Bytes
import Glibc
import JSON
import Testing

@testable import Development

/// A client that sends text and collects what comes back.
struct RawConnection: ~Copyable {
    private let descriptor: Int32

    init(port: UInt16) throws {
        descriptor = socket(AF_INET, Int32(SOCK_STREAM.rawValue), 0)
        var address = sockaddr_in()
        address.sin_family = sa_family_t(AF_INET)
        address.sin_port = port.bigEndian
        address.sin_addr.s_addr = in_addr_t(INADDR_LOOPBACK).bigEndian
        // `address` lives through the call.
        let result = unsafe withUnsafePointer(to: &address) { pointer in
            unsafe pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) {
                unsafe connect(descriptor, $0, socklen_t(MemoryLayout<sockaddr_in>.size))
            }
        }
        try #require(result == 0)
    }

    deinit { close(descriptor) }

    func send(_ text: String) {
        let bytes = Array(text.utf8)
        _ = unsafe Glibc.send(descriptor, bytes, bytes.count, Int32(MSG_NOSIGNAL))
    }

    /// Receives until `end` has come, or the connection has ended.
    func receive(through end: String? = nil) -> String {
        var bytes: [UInt8] = []
        var chunk = [UInt8](repeating: 0, count: 4096)
        while true {
            let count = unsafe recv(descriptor, &chunk, chunk.count, 0)
            guard count > 0 else { break }
            bytes += chunk.prefix(count)
            if let end, String(lossy: bytes.span).contains(end) { break }
        }
        return String(lossy: bytes.span)
    }
}

extension DevelopmentServer {
    /// A running server on a port that the system chose.
    static func running(_ respond: @escaping Respond) throws -> DevelopmentServer {
        let server = try DevelopmentServer(address: "127.0.0.1:0", respond: respond)
        try server.start()
        return server
    }

    /// The port of `address`.
    var port: UInt16 { UInt16(address.split(separator: ":").last ?? "") ?? 0 }
}

@Suite struct `A development server` {
    @Test(arguments: [
        "0.0.0.0:8081", "[::]:8081", "10.0.0.1:80", "example.com:80", "127.0.0.1", "127.0.0.1:70000",
        "unix:/tmp/x", "", ":80",
    ])
    func `listens on loopback only`(_ address: String) {
        #expect(throws: DevelopmentError.notLoopback(address)) {
            try DevelopmentServer(address: address) { _ in .empty(202) }
        }
    }

    @Test func `says that an address is taken`() throws {
        let server = try DevelopmentServer.running { _ in .empty(202) }
        #expect(throws: DevelopmentError.self) {
            try DevelopmentServer(address: server.address) { _ in .empty(202) }
        }
        server.stop()
    }

    @Test func `serves several requests on one connection, bodies in both framings`() throws {
        let server = try DevelopmentServer.running { request in
            .json(200) {
                $0.string("\(request.method) \(request.path) \(request.query) \(request.body.count)")
            }
        }
        let connection = try RawConnection(port: server.port)
        connection.send("POST /a?b=c HTTP/1.1\r\nHost: localhost\r\nContent-Length: 3\r\n\r\nabc")
        connection.send("POST /d HTTP/1.1\r\nHost: 127.0.0.1:1\r\nTransfer-Encoding: chunked\r\n\r\n")
        connection.send("2\r\nab\r\n1\r\nc\r\n0\r\n\r\n")
        connection.send("GET /e HTTP/1.1\r\nHost: [::1]:1\r\nConnection: close\r\n\r\n")
        let text = connection.receive()
        #expect(text.contains("POST /a b=c 3"))
        #expect(text.contains("POST /d  3"))
        #expect(text.contains("GET /e  0"))
        #expect(text.contains("connection: close"))
        server.stop()
    }

    @Test(arguments: [
        ("GET / HTTP/1.1\r\nHost: evil.example\r\nConnection: close\r\n\r\n", "421"),
        ("GET / HTTP/1.1\r\nHost: 127.0.0.1.evil.example\r\nConnection: close\r\n\r\n", "421"),
        ("GET / HTTP/1.1\r\n\r\n", "400"),
        (
            "POST / HTTP/1.1\r\nHost: localhost\r\nContent-Length: 1\r\nTransfer-Encoding: chunked\r\n\r\n",
            "400"
        ),
        ("POST / HTTP/1.1\r\nHost: localhost\r\nContent-Length: 9000000\r\n\r\n", "413"),
        ("POST / HTTP/1.1\r\nHost: localhost\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n", "400"),
        (
            "GET / HTTP/1.1\r\nHost: localhost\r\nx: " + String(repeating: "y", count: 70_000) + "\r\n\r\n",
            "431"
        ),
    ])
    func `refuses what it should not serve, and closes`(_ request: String, _ status: String) throws {
        let server = try DevelopmentServer.running { _ in .empty(202) }
        let connection = try RawConnection(port: server.port)
        connection.send(request)
        #expect(connection.receive().hasPrefix("HTTP/1.1 \(status) "))
        server.stop()
    }

    @Test func `asks for a body that waits for that`() throws {
        let server = try DevelopmentServer.running { _ in .empty(202) }
        let connection = try RawConnection(port: server.port)
        connection.send(
            "POST / HTTP/1.1\r\nHost: localhost\r\nExpect: 100-continue\r\nContent-Length: 1\r\n\r\n"
        )
        #expect(connection.receive(through: "\r\n\r\n") == "HTTP/1.1 100 Continue\r\n\r\n")
        connection.send("x")
        #expect(connection.receive(through: "\r\n\r\n").hasPrefix("HTTP/1.1 202 "))
        server.stop()
    }

    @Test func `sends the events of a stream one by one`() throws {
        let server = try DevelopmentServer.running { _ in
            .stream([
                ExchangeResponse.Event(delay: 0, data: Array("one".utf8)),
                ExchangeResponse.Event(delay: 200, data: Array("two".utf8)),
            ])
        }
        let connection = try RawConnection(port: server.port)
        connection.send("GET / HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n")
        let first = connection.receive(through: "data: one\r\n\r\n")
        #expect(!first.contains("two"))
        let rest = connection.receive()
        #expect(rest.contains("event: message\r\ndata: two\r\n\r\n"))
        #expect(rest.hasSuffix("0\r\n\r\n"))
        server.stop()
    }

    @Test func `ends a stream whose reader is gone`() async throws {
        let server = try DevelopmentServer.running { _ in
            .stream([
                ExchangeResponse.Event(delay: 0, data: Array("one".utf8)),
                ExchangeResponse.Event(delay: 600_000, data: Array("two".utf8)),
            ])
        }
        do {
            let connection = try RawConnection(port: server.port)
            connection.send("GET / HTTP/1.1\r\nHost: localhost\r\n\r\n")
            _ = connection.receive(through: "one")
            #expect(server.connectionCount == 1)
        }
        for _ in 0..<100 where server.connectionCount > 0 { try await Task.sleep(for: .milliseconds(20)) }
        #expect(server.connectionCount == 0)
        server.stop()
    }

    @Test func `has a bound on connections`() throws {
        let server = try DevelopmentServer.running { _ in .empty(202) }
        let request = "GET / HTTP/1.1\r\nHost: localhost\r\n\r\n"
        var sockets: [Int32] = []
        for _ in 0..<DevelopmentServer.maximumConnections {
            sockets.append(try Self.openConnection(server.port, sending: request))
        }
        let connection = try RawConnection(port: server.port)
        #expect(connection.receive().isEmpty)
        for descriptor in sockets { close(descriptor) }
        server.stop()
    }

    /// Opens a connection, waits for the answer to `request`, and leaves it open.
    private static func openConnection(_ port: UInt16, sending request: String) throws -> Int32 {
        let connection = try RawConnection(port: port)
        connection.send(request)
        #expect(connection.receive(through: "\r\n\r\n").hasPrefix("HTTP/1.1 202 "))
        return connection.duplicate()
    }

    @Test func `ends when it is stopped`() throws {
        let server = try DevelopmentServer.running { _ in .empty(202) }
        let connection = try RawConnection(port: server.port)
        connection.send("GET / HTTP/1.1\r\nHost: localhost\r\n\r\n")
        _ = connection.receive(through: "\r\n\r\n")
        server.stop()
        #expect(connection.receive().isEmpty)
    }
}

extension RawConnection {
    /// A second descriptor of the same connection, which stays when this value ends.
    func duplicate() -> Int32 { dup(descriptor) }
}

@Suite struct `The fetch of a client's document` {
    private func fetch(_ respond: @escaping DevelopmentServer.Respond) throws -> Result<[UInt8], OAuthError> {
        let server = try DevelopmentServer.running(respond)
        defer { server.stop() }
        let address = try #require(ClientDocumentAddress("http://localhost:\(server.port)/c.json?x=y"))
        return Result { () throws(OAuthError) in try ClientDocumentFetch.document(at: address) }
    }

    @Test func `gets it whole`() throws {
        let fetched = try fetch { request in
            .json(200) { $0.string("\(request.path) \(request.query) \(request.value(of: "accept") ?? "")") }
        }
        #expect(try fetched.get() == Array(#""/c.json x=y application/json""#.utf8))
    }

    @Test func `gets one that comes in chunks`() throws {
        let fetched = try fetch { _ in .stream([ExchangeResponse.Event(delay: 0, data: Array("x".utf8))]) }
        #expect(try fetched.get() == Array("event: message\r\ndata: x\r\n\r\n".utf8))
    }

    @Test func `refuses redirects, errors and large documents`() throws {
        let large = [UInt8](repeating: 0x20, count: ClientDocumentAddress.maximumDocumentLength + 1)
        let responses: [ExchangeResponse] = [
            .empty(302).adding("location", "http://127.0.0.1/"), .empty(404), .empty(500),
            ExchangeResponse(status: 200, fields: [], content: .bytes(large)),
        ]
        for response in responses {
            #expect(throws: OAuthError.self) { try fetch { _ in response }.get() }
        }
    }

    @Test func `does not wait longer than its limit`() throws {
        let clock = ContinuousClock()
        let start = clock.now
        let fetched = try fetch { _ in
            .stream((0..<200).map { _ in ExchangeResponse.Event(delay: 100, data: []) })
        }
        #expect(throws: OAuthError.self) { try fetched.get() }
        #expect(clock.now - start < .milliseconds(ClientDocumentAddress.timeLimit + 5000))
    }

    @Test func `fails where nobody listens`() throws {
        let server = try DevelopmentServer(address: "127.0.0.1:0") { _ in .empty(202) }
        let port = server.port
        server.stop()
        let address = try #require(ClientDocumentAddress("http://127.0.0.1:\(port)/c"))
        #expect(throws: OAuthError.self) { try ClientDocumentFetch.document(at: address) }
    }
}

@Suite struct `The development setup` {
    @Test(arguments: ["http://127.0.0.1:8081/", "127.0.0.1:8081", "http://", "http://a?b", "http://a b", ""])
    func `refuses what is no issuer`(_ issuer: String) {
        let configuration = DevelopmentConfiguration(
            authorizationServer: "127.0.0.1:0",
            issuer: issuer,
            resources: [],
            servers: []
        )
        #expect(throws: DevelopmentError.invalidIssuer(issuer)) {
            try DevelopmentSetup(configuration: configuration)
        }
    }

    @Test func `refuses a server that others could reach`() {
        let configuration = DevelopmentConfiguration(
            authorizationServer: "127.0.0.1:0",
            resources: [],
            servers: [DevelopmentConfiguration.Server(name: .files, address: "0.0.0.0:0")]
        )
        #expect(throws: DevelopmentError.notLoopback("0.0.0.0:0")) {
            try DevelopmentSetup(configuration: configuration)
        }
    }

    @Test func `gives a token that its sample server shows`() throws {
        let setup = try DevelopmentSetup(
            configuration: DevelopmentConfiguration(
                authorizationServer: "127.0.0.1:0",
                issuer: "http://127.0.0.1:8081",
                resources: [DevelopmentConfiguration.Resource(identifier: AuthorizationFixture.files)],
                servers: [DevelopmentConfiguration.Server(name: .files, address: "localhost:0")]
            )
        )
        try setup.start()
        defer { setup.stop() }
        let form = AuthorizationFixture.form(
            `The token endpoint`.demo + [("resource", AuthorizationFixture.files)]
        )
        let answer = try post(form, "/token", "application/x-www-form-urlencoded", to: setup.addresses[0])
        let token = try #require(try JSONReader.read(answer.utf8Span.span).object?["access_token"]?.string)
        let call = #"{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{"name":"whoami"}}"#
        let fields = "Authorization: Bearer \(token)\r\n"
        let shown = try post(call, "/mcp", "application/json", fields, to: setup.addresses[1])
        #expect(shown.contains(#"\"aud\":\"http://127.0.0.1:8080/files\""#))
    }

    /// Posts `body`, and gives the body of the answer.
    private func post(
        _ body: String,
        _ path: String,
        _ type: String,
        _ fields: String = "",
        to address: String
    ) throws -> String {
        let port = UInt16(address.split(separator: ":").last ?? "")
        let connection = try RawConnection(port: try #require(port))
        connection.send("POST \(path) HTTP/1.1\r\nHost: \(address)\r\nContent-Type: \(type)\r\n\(fields)")
        connection.send("Connection: close\r\nContent-Length: \(body.utf8.count)\r\n\r\n\(body)")
        let parts = connection.receive().split(separator: "\r\n\r\n", maxSplits: 1)
        return String(try #require(parts.last))
    }
}
