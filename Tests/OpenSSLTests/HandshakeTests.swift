// Handshakes that succeed, what they agree on, and data both ways.

import Bytes
import COpenSSL
import Testing

@testable import OpenSSL

@Suite struct HandshakeTests {
    let world = TestWorld()

    @Test(arguments: TLSVersion.allCases)
    func `shakes hands and carries data both ways`(minimum: TLSVersion) throws {
        var connection = try TestConnection(world.client(), world.server(minimum: minimum))
        connection.shakeHands()
        try #require(connection.clientFailure == nil)
        try #require(connection.serverFailure == nil)
        let isEstablished = connection.isEstablished
        #expect(isEstablished)
        let version = connection.server.versionName
        #expect(version == "TLSv1.3")
        try connection.send(Array("hello".utf8))
        let received = connection.takeServerReceived()
        #expect(received == Array("hello".utf8))
        try connection.answer(Array("welcome".utf8))
        let answer = connection.takeClientReceived()
        #expect(answer == Array("welcome".utf8))
    }

    @Test(arguments: [1, 2, 3, 5, 100, 1000])
    func `takes handshake and data in pieces of any size`(step: Int) throws {
        var connection = try TestConnection(world.client(), world.server())
        connection.shakeHands(step: step)
        let isEstablished = connection.isEstablished
        #expect(isEstablished)
        let text = [UInt8]((0..<20_000).map { UInt8(truncatingIfNeeded: $0 / 7) })
        try connection.client.seal(text.span, into: &connection.toServer)
        try connection.server.seal(text.span, into: &connection.toClient)
        connection.exchange(step: step)
        let (atServer, atClient) = (connection.takeServerReceived(), connection.takeClientReceived())
        #expect(atServer == text)
        #expect(atClient == text)
    }

    @Test func `carries a mebibyte both ways`() throws {
        var connection = try TestConnection(world.client(), world.server())
        connection.shakeHands()
        let text = SecureRandom.bytes(count: 1 << 20)
        for _ in 0..<2 {
            try connection.send(text)
            try connection.answer(text)
            let (atServer, atClient) = (connection.takeServerReceived(), connection.takeClientReceived())
            #expect(atServer == text)
            #expect(atClient == text)
        }
    }

    @Test func `takes data that comes along with the end of the handshake`() throws {
        let client = unsafe RawPeer.client(newest: .tls13)
        var server = try world.server().makeSession()
        let (replies, _, _) = server.take(client.run())
        let finished = client.run(replies)
        let (_, plaintext, failure) = server.take(finished + client.write(Array("at once".utf8)))
        #expect(plaintext == Array("at once".utf8))
        #expect(failure == nil)
    }

    @Test(
        arguments: [
            (true, ["h2", "http/1.1"], .http2), (true, ["http/1.1", "h2"], .http2),
            (true, ["http/1.1"], .http11), (true, ["h3", "http/1.1"], .http11), (true, [], .http11),
            (false, ["h2", "http/1.1"], .http11), (false, [], .http11),
            (true, ["h3"], nil), (false, ["h2"], nil), (true, ["h", "h22", "http/1.10"], nil),
            (true, ["H2"], nil),
        ] as [(Bool, [String], ApplicationProtocol?)]
    )
    func `picks h2, then http 1.1, of what the client offers`(
        offersHTTP2: Bool,
        offers: [String],
        choice: ApplicationProtocol?
    ) throws {
        let list = offers.flatMap { [UInt8($0.utf8.count)] + Array($0.utf8) }
        let client = unsafe RawPeer.client(newest: .tls13) { context in
            _ = unsafe SSL_CTX_set_alpn_protos(context, list, UInt32(list.count))
        }
        var server = try world.server(offersHTTP2: offersHTTP2).makeSession()
        let failure = server.shakeHands(with: client)
        guard let choice else {
            #expect(failure == TLSFailure(.noSharedProtocol, "no application protocol"))
            #expect(client.failure == "tlsv1 alert no application protocol")
            return
        }
        #expect(failure == nil)
        let picked = server.applicationProtocol
        #expect(picked == choice)
    }

    @Test(arguments: [true, false], [true, false])
    func `offers and agrees on HTTP 2 on both sides`(client: Bool, server: Bool) throws {
        var connection = try TestConnection(
            world.client(offersHTTP2: client),
            world.server(offersHTTP2: server)
        )
        connection.shakeHands()
        let expected: ApplicationProtocol = client && server ? .http2 : .http11
        let (atClient, atServer) = (
            connection.client.applicationProtocol, connection.server.applicationProtocol
        )
        #expect(atClient == expected)
        #expect(atServer == expected)
    }

    @Test func `speaks HTTP 1.1 to servers that know no ALPN`() throws {
        let peer = unsafe RawPeer.server(try world.leaf().identity())
        var client = try world.client().makeSession(serverName: "a.example", resuming: nil)
        #expect(client.shakeHands(asClientOf: peer) == nil)
        let choice = client.applicationProtocol
        #expect(choice == .http11)
    }

    @Test(arguments: [
        ("", true), ("ECDHE-ECDSA-AES256-GCM-SHA384", true), ("ECDHE-ECDSA-CHACHA20-POLY1305", true),
        ("ECDHE-ECDSA-AES128-SHA", false), ("ECDHE-ECDSA-AES256-CCM", false), ("AES128-GCM-SHA256", false),
        ("DHE-RSA-AES128-GCM-SHA256", false), ("ECDHE-RSA-AES128-GCM-SHA256", false),
    ])
    func `speaks TLS 1.2 with ECDHE and AEAD only`(ciphers: String, isSpoken: Bool) throws {
        let client = unsafe RawPeer.client(newest: .tls12) { context in
            if !ciphers.isEmpty { _ = unsafe SSL_CTX_set_cipher_list(context, ciphers) }
        }
        var server = try world.server().makeSession()
        let failure = server.shakeHands(with: client)
        #expect(failure == (isSpoken ? nil : TLSFailure(.noSharedCipher, "no shared cipher")))
        guard isSpoken else { return }
        let version = server.versionName
        #expect(version == "TLSv1.2")
        let (_, plaintext, _) = server.take(client.write(Array("old".utf8)))
        #expect(plaintext == Array("old".utf8))
        let replies = try server.sealed(Array("friend".utf8))
        _ = client.run(replies)
        #expect(client.received == Array("friend".utf8))
    }

    @Test(arguments: TLSVersion.allCases)
    func `takes any version one octet at a time`(version: TLSVersion) throws {
        let client = unsafe RawPeer.client(newest: version)
        var server = try world.server().makeSession()
        var flight = client.run()
        while !flight.isEmpty {
            let replies = flight.flatMap { octet in
                let (replies, _, failure) = server.take([octet])
                #expect(failure == nil)
                return replies
            }
            flight = replies.flatMap { client.run([$0]) }
        }
        let isEstablished = server.isEstablished
        #expect(isEstablished)
        let plaintext = client.write(Array("slow".utf8)).flatMap { server.take([$0]).plaintext }
        #expect(plaintext == Array("slow".utf8))
    }

    @Test func `prefers ChaCha20 where the client likes it best, and AES where not`() throws {
        let lists = [
            "ECDHE-ECDSA-CHACHA20-POLY1305:ECDHE-ECDSA-AES128-GCM-SHA256": "ECDHE-ECDSA-CHACHA20-POLY1305",
            "ECDHE-ECDSA-AES256-GCM-SHA384:ECDHE-ECDSA-CHACHA20-POLY1305:ECDHE-ECDSA-AES128-GCM-SHA256":
                "ECDHE-ECDSA-AES128-GCM-SHA256",
        ]
        for (list, choice) in lists {
            let client = unsafe RawPeer.client(newest: .tls12) {
                _ = unsafe SSL_CTX_set_cipher_list($0, list)
            }
            var server = try world.server().makeSession()
            #expect(server.shakeHands(with: client) == nil)
            let name = unsafe String(cString: SSL_CIPHER_get_name(SSL_get_current_cipher(client.session)))
            #expect(name == choice)
        }
    }

    @Test(arguments: ["RSA+SHA1", "RSA+SHA224", "ECDSA+SHA1"])
    func `signs with SHA-256 and better only`(algorithm: String) throws {
        let leaves = [world.leaf(key: .rsa), world.leaf()]
        let client = unsafe RawPeer.client(newest: .tls12) { context in
            unsafe SSL_CTX_set_security_level(context, 0)
            _ = unsafe audgate_SSL_CTX_set1_sigalgs_list(context, algorithm)
        }
        var server = try world.server(leaves).makeSession()
        #expect(server.shakeHands(with: client)?.kind == .noSharedCipher)
    }

    @Test func `refuses TLS 1.2 where 1.3 is the oldest version`() throws {
        var server = try world.server(minimum: .tls13).makeSession()
        let failure = unsafe server.shakeHands(with: .client(newest: .tls12))
        #expect(failure == TLSFailure(.noSharedVersion, "unsupported protocol"))
    }

    @Test func `does not compress, and takes no early data`() throws {
        let client = unsafe RawPeer.client(newest: .tls12)
        var server = try world.server().makeSession()
        #expect(server.shakeHands(with: client) == nil)
        unsafe #expect(SSL_get_current_compression(client.session) == nil)

        var connection = try TestConnection(world.client(), world.server())
        connection.shakeHands()
        let resumption = connection.client.takeResumption()
        let ticket = try #require(resumption)
        let earlyData = unsafe SSL_SESSION_get_max_early_data(ticket.session.pointer)
        #expect(earlyData == 0)
    }

    @Test func `says nothing before the client does`() throws {
        var server = try world.server().makeSession()
        var replies = ByteBuffer()
        try server.start(replies: &replies)
        let isSilent = replies.isEmpty
        #expect(isSilent)
        let isEstablished = server.isEstablished
        #expect(!isEstablished)
    }

    @Test func `tells that the peer has closed, and still sends`() throws {
        var connection = try TestConnection(world.client(), world.server())
        connection.shakeHands()
        try connection.client.seal([1, 2, 3].span, into: &connection.toServer)
        connection.client.close(into: &connection.toServer)
        connection.client.close(into: &connection.toServer)
        let before = connection.server.hasPeerClosed
        connection.exchange()
        let after = connection.server.hasPeerClosed
        #expect(!before)
        #expect(after)
        #expect(connection.serverFailure == nil)
        let received = connection.takeServerReceived()
        #expect(received == [1, 2, 3])
        try connection.answer([4, 5, 6])
        let answer = connection.takeClientReceived()
        #expect(answer == [4, 5, 6])
    }

    @Test func `tells a cut stream from a closed one`() throws {
        var connection = try TestConnection(world.client(), world.server())
        connection.shakeHands()
        try connection.client.seal([1, 2, 3].span, into: &connection.toServer)
        connection.client.close(into: &connection.toServer)
        connection.deliverToServer(connection.toServer.count - 1)
        let hasPeerClosed = connection.server.hasPeerClosed
        #expect(!hasPeerClosed)
    }
}

extension TLSSession {
    mutating func sealed(_ plaintext: [UInt8]) throws(TLSFailure) -> [UInt8] {
        var ciphertext = ByteBuffer()
        try seal(plaintext.span, into: &ciphertext)
        return Array(copying: ciphertext.span)
    }
}
