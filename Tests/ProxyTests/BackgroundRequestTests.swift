// What the gateway asks for itself, of servers that answer well, badly or never.

import Bytes
import HTTP
import OpenSSL
import Policy
import Testing
import Transport

@testable import Proxy

@Suite struct `A background request` {
    private static let answer =
        "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: 2\r\n\r\n{}"

    /// A server that reads a request, answers, and ends the connection.
    private func server(_ answer: String = answer) throws -> ScriptedServer {
        try ScriptedServer { peer, _, server in
            _ = server.request(from: peer)
            peer.send(answer)
        }
    }

    private func request(
        _ server: ScriptedServer,
        _ adjust: (inout BackgroundRequest) -> Void = { _ in }
    ) throws -> BackgroundRequest {
        var request = BackgroundRequest(try HTTPURL("http://127.0.0.1:\(server.port)/a"))
        request.patience = 5000
        adjust(&request)
        return request
    }

    private func response(
        from server: ScriptedServer,
        _ adjust: (inout BackgroundRequest) -> Void = { _ in }
    ) throws -> BackgroundResponse {
        // The server ends with its last reference.
        try withExtendedLifetime(server) { try request(server, adjust).send() }
    }

    private func failure(
        from server: ScriptedServer,
        _ adjust: (inout BackgroundRequest) -> Void = { _ in }
    ) throws -> BackgroundFailure.Kind? {
        try withExtendedLifetime(server) { failure(of: try request(server, adjust)) }
    }

    private func failure(of request: BackgroundRequest) -> BackgroundFailure.Kind? {
        do throws(BackgroundFailure) {
            _ = try request.send()
            return nil
        } catch {
            return error.kind
        }
    }

    @Test func `carries its method, fields and content`() throws {
        let server = try ScriptedServer { peer, _, server in
            _ = server.request(from: peer)
            let body = peer.receiveBytes(5)
            peer.send("HTTP/1.1 200 OK\r\nContent-Length: \(body.count)\r\n\r\n")
            peer.send(body)
        }
        let response = try response(from: server) {
            $0.method = .post
            $0.fields = [("Content-Type", "text/plain"), ("X-Extra", "a b")]
            $0.body = "hello".octets
        }
        #expect(response.status == 200)
        #expect(response.body == "hello".octets)
        let head = try #require(server.requests.first).lowercased()
        #expect(head.hasPrefix("post /a http/1.1\r\nhost: 127.0.0.1:\(server.port)\r\n"))
        for line in ["content-type: text/plain", "x-extra: a b", "content-length: 5", "connection: close"] {
            #expect(head.contains("\r\n\(line)\r\n"), "\(line)")
        }
    }

    @Test func `gives status and fields of whatever is answered`() throws {
        let text =
            "HTTP/1.1 401 Unauthorized\r\nWWW-Authenticate: Bearer a=\"b\"\r\nWWW-Authenticate: Basic\r\n"
            + "Cache-Control: public, max-age=60\r\nContent-Length: 0\r\n\r\n"
        let response = try response(from: server(text))
        #expect(response.status == 401)
        #expect(response.values(.wwwAuthenticate) == ["Bearer a=\"b\"", "Basic"])
        #expect(response.maximumAge == 60)
        #expect(!response.isJSON)
    }

    @Test func `does not follow redirects`() throws {
        let target = try server()
        let text =
            "HTTP/1.1 302 Found\r\nLocation: http://127.0.0.1:\(target.port)/\r\nContent-Length: 0\r\n\r\n"
        #expect(try response(from: server(text)).status == 302)
        #expect(target.requests.isEmpty)
    }

    @Test func `passes over informational heads, up to eight`() throws {
        let hint = "HTTP/1.1 103 Early Hints\r\n\r\n"
        let good = try server(String(repeating: hint, count: 8) + Self.answer)
        #expect(try response(from: good).status == 200)
        let endless = try server(String(repeating: hint, count: 9) + Self.answer)
        #expect(try failure(from: endless) == .malformed)
    }

    @Test(arguments: [
        "", "<html>", "HTTP/1.1 200 OK\r\n", "HTTP/1.1 200 OK\r\nContent-Length: 3\r\n\r\n{}",
        "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\n{}", "HTTP/3 200 OK\r\n\r\n",
    ])
    func `refuses what is no whole response`(_ answer: String) throws {
        #expect(try failure(from: server(answer)) == .malformed)
    }

    @Test func `reads content up to its limit and not beyond`() throws {
        let server = try server()
        #expect(try response(from: server, { $0.maximumLength = 2 }).body == "{}".octets)
        #expect(try failure(from: server, { $0.maximumLength = 1 }) == .tooLarge)
    }

    @Test func `does not wait for content where none is wanted`() throws {
        let server = try ScriptedServer { peer, _, server in
            _ = server.request(from: peer)
            peer.send("HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\n\r\n")
            // The stream goes on for as long as somebody listens.
            _ = peer.receive()
        }
        // It would end in silence otherwise.
        #expect(try response(from: server, { $0.maximumLength = 0 }).status == 200)
    }

    @Test(arguments: ["", "HTTP/1.1 200 OK\r\nContent-Length: 3\r\n\r\n{"])
    func `gives up when nothing more comes`(_ beginning: String) throws {
        let server = try ScriptedServer { peer, _, server in
            _ = server.request(from: peer)
            peer.send(beginning)
            _ = peer.receive()
        }
        #expect(try failure(from: server, { $0.patience = 200 }) == .silent)
    }

    @Test func `tells a port without server from a name without address`() throws {
        let server = try server()
        let gone = try request(server)
        server.stop()
        #expect(failure(of: gone) == .unreachable)
        var nowhere = BackgroundRequest(try HTTPURL("http://nowhere.invalid/"))
        nowhere.patience = 5000
        #expect(failure(of: nowhere) == .unresolved)
    }

    @Test func `connects where it is told, and the next address has its turn`() throws {
        let (dead, live) = (try server(), try server())
        let port = dead.port
        dead.stop()
        var request = BackgroundRequest(try HTTPURL("http://gateway.invalid/a"))
        request.addresses = ["127.0.0.1:\(port)", "127.0.0.1:\(live.port)"].compactMap { SocketAddress($0) }
        #expect(try request.send().status == 200)
        #expect(live.requests.first?.contains("\r\nHost: gateway.invalid\r\n") == true)
    }

    @Test func `begins with a header of the PROXY protocol where one is awaited`() throws {
        let server = try ScriptedServer { peer, _, server in
            let header = peer.receiveBytes(15)
            guard let (found, length) = try? ProxyHeader.parse(header.span), found == .unknown, length == 15
            else { return }
            _ = server.request(from: peer)
            peer.send(Self.answer)
        }
        #expect(try response(from: server, { $0.sendsProxyHeader = true }).status == 200)
        #expect(try failure(from: server) == .malformed)
    }

    @Test(arguments: ["a\r\nX-Other: b", "a\nb", "a\u{0}b"])
    func `sends no field that would end its line`(_ value: String) throws {
        let server = try server()
        #expect(try failure(from: server, { $0.fields = [("X-Extra", value)] }) == .malformed)
        #expect(try failure(from: server, { $0.fields = [("X Extra", "a")] }) == .malformed)
        #expect(server.requests.isEmpty)
    }

    @Test func `takes a server without TLS for insecure where https is named`() throws {
        let server = try ScriptedServer { peer, _, _ in
            _ = peer.receiveBytes(1)
            peer.send(Self.answer)
        }
        var request = BackgroundRequest(try HTTPURL("https://127.0.0.1:\(server.port)/"))
        request.patience = 5000
        #expect(failure(of: request) == .insecure)
        let context = try ClientTLSContext(anchors: nil, identity: nil, verifies: false, offersHTTP2: false)
        request.tls = UpstreamTLS(context: context)
        #expect(failure(of: request) == .insecure)
    }
}
