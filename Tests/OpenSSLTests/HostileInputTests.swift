// Peers that send something else than they should.

import Bytes
import COpenSSL
import Testing

@testable import OpenSSL

@Suite struct HostileInputTests {
    let world = TestWorld()

    @Test func `refuses octets at random`() throws {
        let context = try world.server()
        for length in [1, 5, 6, 11, 64, 1000, 20_000] {
            for _ in 0..<20 {
                var bytes = SecureRandom.bytes(count: length)
                bytes[0] = bytes[0] == 22 ? 0 : bytes[0]
                // What looks like a ClientHello in the format of SSL 2 is awaited to its end.
                if length > 2, bytes[0] >= 0x80, bytes[2] == 1 { bytes[2] = 0 }
                var server = try context.makeSession()
                let (_, plaintext, failure) = server.take(bytes)
                #expect(plaintext.isEmpty)
                #expect(length < 11 || failure?.kind == .protocolError || failure?.kind == .noSharedVersion)
            }
        }
    }

    @Test func `refuses a hello in the format of SSL 2`() throws {
        let body: [UInt8] =
            [1, 0, 2, 0, 3, 0, 0, 0, 16, 1, 0, 0x80] + [UInt8](repeating: 7, count: 16)
        var server = try world.server().makeSession()
        let hello = [0x80, UInt8(body.count)] + body
        let (_, _, early) = server.take(Array(hello.prefix(20)))
        #expect(early == nil)
        let (_, plaintext, failure) = server.take(Array(hello.dropFirst(20)))
        #expect(failure?.kind == .protocolError || failure?.kind == .noSharedVersion)
        #expect(plaintext.isEmpty)
    }

    @Test(arguments: [
        "GET / HTTP/1.1\r\nHost: a.example\r\n\r\n", "POST /mcp HTTP/1.1\r\n", "PRI * HTTP/2.0\r\n",
    ])
    func `refuses HTTP without TLS`(request: String) throws {
        var server = try world.server().makeSession()
        let (_, _, failure) = server.take(Array(request.utf8))
        #expect(failure?.kind == .protocolError)
        if !request.hasPrefix("PRI") { #expect(failure?.detail == "http request") }
    }

    @Test func `refuses a hello of TLS 1.1`() throws {
        // ClientHello of TLS 1.1 with TLS_ECDHE_RSA_WITH_AES_128_CBC_SHA, and no extensions.
        let body: [UInt8] = [3, 2] + [UInt8](repeating: 7, count: 32) + [0, 0, 2, 0xC0, 0x13, 1, 0]
        let hello: [UInt8] = [1, 0, 0, UInt8(body.count)] + body
        var server = try world.server().makeSession()
        let (replies, _, failure) = server.take([22, 3, 1, 0, UInt8(hello.count)] + hello)
        #expect(failure == TLSFailure(.noSharedVersion, "unsupported protocol"))
        // An alert: fatal, protocol_version.
        #expect(replies == [21, 3, 2, 0, 2, 2, 70] || replies == [21, 3, 1, 0, 2, 2, 70])
    }

    @Test func `refuses a server that speaks TLS 1.1`() throws {
        var client = try world.client().makeSession(serverName: "a.example", resuming: nil)
        var hello = ByteBuffer()
        try client.start(replies: &hello)
        let body: [UInt8] = [3, 2] + [UInt8](repeating: 7, count: 32) + [0, 0xC0, 0x13, 0]
        let message: [UInt8] = [2, 0, 0, UInt8(body.count)] + body
        let (_, _, failure) = client.take([22, 3, 2, 0, UInt8(message.count)] + message)
        #expect(failure == TLSFailure(.noSharedVersion, "unsupported protocol"))
    }

    @Test func `waits at every cut of a handshake, and goes on`() throws {
        let (clientContext, serverContext) = (try world.client(), try world.server())
        var whole = try TestConnection(clientContext, serverContext)
        try whole.client.start(replies: &whole.toServer)
        let count = whole.toServer.count
        for cut in 0..<count {
            var connection = try TestConnection(clientContext, serverContext)
            try connection.client.start(replies: &connection.toServer)
            connection.deliverToServer(cut)
            #expect(connection.serverFailure == nil)
            let (isEstablished, isSilent) = (connection.server.isEstablished, connection.toClient.isEmpty)
            #expect(!isEstablished)
            #expect(isSilent)
            connection.exchange()
            let isDone = connection.isEstablished
            #expect(isDone)
        }
    }

    @Test func `is not established by a handshake that is cut`() throws {
        let (clientContext, serverContext) = (try world.client(), try world.server())
        var first = try TestConnection(clientContext, serverContext)
        try first.client.start(replies: &first.toServer)
        first.deliverToServer(first.toServer.count)
        let count = first.toClient.count
        for cut in 0..<count {
            var connection = try TestConnection(clientContext, serverContext)
            try connection.client.start(replies: &connection.toServer)
            connection.deliverToServer(connection.toServer.count)
            connection.deliverToClient(min(cut, connection.toClient.count - 1))
            #expect(connection.clientFailure == nil)
            let (isEstablished, hasPeerClosed) = (
                connection.client.isEstablished, connection.client.hasPeerClosed
            )
            #expect(!isEstablished)
            #expect(!hasPeerClosed)
        }
    }

    @Test func `is not established by a server's flight with any bit flipped`() throws {
        let (clientContext, serverContext) = (try world.client(), try world.server())
        var position = 0
        while true {
            var connection = try TestConnection(clientContext, serverContext)
            try connection.client.start(replies: &connection.toServer)
            connection.deliverToServer(connection.toServer.count)
            var flight = Array(copying: connection.toClient.span)
            guard position < flight.count else { break }
            flight[position] ^= 1 << UInt8(position % 8)
            let (_, plaintext, _) = connection.client.take(flight)
            #expect(plaintext.isEmpty)
            // One octet says nothing: the second one of the version in the first record.
            let isEstablished = connection.client.isEstablished
            #expect(!isEstablished || position == 2, "octet \(position)")
            position += 1
        }
        #expect(position > 500)
    }

    @Test func `never traps on a client's flight with any bit flipped`() throws {
        let (clientContext, serverContext) = (try world.client(), try world.server())
        var first = try TestConnection(clientContext, serverContext)
        try first.client.start(replies: &first.toServer)
        let count = first.toServer.count
        for position in 0..<count {
            var connection = try TestConnection(clientContext, serverContext)
            try connection.client.start(replies: &connection.toServer)
            var hello = Array(copying: connection.toServer.span)
            connection.toServer.removeAll()
            hello[position % hello.count] ^= 1 << UInt8(position % 8)
            connection.toServer.append(hello.span)
            connection.exchange()
            // A changed hello ends in a failure of one side, or in one that waits for the rest.
            let isEstablished = connection.isEstablished
            #expect(!isEstablished || position == 2, "octet \(position)")
        }
    }

    @Test func `refuses data with any bit flipped`() throws {
        let (clientContext, serverContext) = (try world.client(), try world.server())
        var position = 0
        while true {
            var connection = try TestConnection(clientContext, serverContext)
            connection.shakeHands()
            var record = try connection.client.sealed(Array("secret".utf8))
            guard position < record.count else { break }
            record[position] ^= 0x40
            let (_, plaintext, failure) = connection.server.take(record)
            #expect(plaintext.isEmpty)
            // A longer length waits for more.
            #expect(failure != nil || position == 3 || position == 4, "octet \(position)")
            position += 1
        }
        #expect(position > 20)
    }

    @Test func `refuses a record that comes twice`() throws {
        var connection = try TestConnection(world.client(), world.server())
        connection.shakeHands()
        let record = try connection.client.sealed([1])
        let (_, first, _) = connection.server.take(record)
        let (replies, second, failure) = connection.server.take(record)
        #expect(first == [1])
        #expect(second.isEmpty)
        #expect(failure == TLSFailure(.protocolError, "decryption failed or bad record mac"))
        #expect(!replies.isEmpty)
        connection.toClient.append(replies.span)
        connection.exchange()
        #expect(connection.clientFailure == TLSFailure(.alert, "alert bad record mac"))
    }

    @Test func `is of no use after a failure`() throws {
        var server = try world.server().makeSession()
        #expect(server.take(Array("GET / HTTP/1.1\r\n".utf8)).failure != nil)
        let again = server.take([22, 3, 1])
        #expect(again.failure == TLSFailure(.unusable, "session is not open"))
        #expect(again.replies.isEmpty)
        var ciphertext = ByteBuffer()
        server.close(into: &ciphertext)
        let isSilent = ciphertext.isEmpty
        #expect(isSilent)
        #expect(throws: TLSFailure.self) { _ = try server.sealed([1]) }
        let (isEstablished, hasPeerClosed) = (server.isEstablished, server.hasPeerClosed)
        #expect(!isEstablished)
        #expect(!hasPeerClosed)
    }

    @Test func `seals nothing before the handshake and after closing`() throws {
        var connection = try TestConnection(world.client(), world.server())
        #expect(throws: TLSFailure(.unusable, "session is not open")) {
            _ = try connection.client.sealed([1])
        }
        connection.shakeHands()
        connection.client.close(into: &connection.toServer)
        #expect(throws: TLSFailure(.unusable, "session is not open")) {
            _ = try connection.client.sealed([1])
        }
        connection.exchange()
        try connection.answer([9])
        let answer = connection.takeClientReceived()
        #expect(answer == [9])
    }

    @Test func `does not renegotiate`() throws {
        let client = unsafe RawPeer.client(newest: .tls12)
        var server = try world.server().makeSession()
        #expect(server.shakeHands(with: client) == nil)
        _ = unsafe SSL_renegotiate(client.session)
        let (replies, _, failure) = server.take(client.run())
        #expect(failure == nil)
        _ = client.run(replies)
        #expect(client.failure == "no renegotiation")
    }

    @Test func `bounds a server's wishes to renegotiate`() throws {
        let peer = unsafe RawPeer.server(try world.leaf().identity()) { context in
            _ = unsafe SSL_CTX_ctrl(context, SSL_CTRL_SET_MAX_PROTO_VERSION, Int(TLS1_2_VERSION), nil)
        }
        var client = try world.client().makeSession(serverName: "a.example", resuming: nil)
        #expect(client.shakeHands(asClientOf: peer) == nil)
        var failure: TLSFailure?
        var count = 0
        while failure == nil, count < 1000 {
            count += 1
            _ = unsafe SSL_renegotiate(peer.session)
            // The peer would end the connection if it saw the alerts that say no.
            failure = client.take(peer.run()).failure
        }
        #expect(failure == TLSFailure(.limit, "too many messages without data"))
        // A wish is one message, the alert that says no is another.
        #expect(count == TLSSession.maximumMessages / 2 + 1)
    }

    @Test(arguments: [false, true])
    func `bounds key updates`(asksForAnswers: Bool) throws {
        let client = unsafe RawPeer.client(newest: .tls13)
        var server = try world.server().makeSession()
        #expect(server.shakeHands(with: client) == nil)
        let kind = asksForAnswers ? SSL_KEY_UPDATE_REQUESTED : SSL_KEY_UPDATE_NOT_REQUESTED
        for _ in 0..<TLSSession.maximumMessages {
            _ = unsafe SSL_key_update(client.session, kind)
            let (replies, plaintext, failure) = server.take(client.write([1]))
            #expect(failure == nil)
            #expect(plaintext == [1])
            #expect(asksForAnswers || replies.isEmpty)
            _ = client.run(replies)
        }
        _ = client.run(try server.sealed([2]))
        #expect(client.received == [2])
        _ = unsafe SSL_key_update(client.session, kind)
        let (_, _, failure) = server.take(client.write([1]))
        #expect(failure == TLSFailure(.limit, "too many messages without data"))
    }

    @Test func `bounds tickets`() throws {
        let peer = unsafe RawPeer.server(try world.leaf().identity())
        var client = try world.client().makeSession(serverName: "a.example", resuming: nil)
        #expect(client.shakeHands(asClientOf: peer) == nil)
        var failure: TLSFailure?
        var count = 0
        while failure == nil, count < 1000 {
            count += 1
            _ = unsafe SSL_new_session_ticket(peer.session)
            failure = client.take(peer.write([0])).failure
        }
        #expect(failure == TLSFailure(.limit, "too many messages without data"))
        #expect(count <= TLSSession.maximumMessages)
    }
}
