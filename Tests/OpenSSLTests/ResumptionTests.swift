// Which handshakes can be short.

import Bytes
import COpenSSL
import Testing

@testable import OpenSSL

@Suite struct ResumptionTests {
    let world = TestWorld()

    /// Whether a second connection is resumed by what came of a first.
    func isResumed(
        _ client: ClientTLSContext,
        _ first: ServerTLSContext,
        then second: ServerTLSContext? = nil,
        name: String = "a.example",
        between: () -> Void = {}
    ) throws -> Bool {
        var connection = try TestConnection(client, first)
        connection.shakeHands()
        let early = connection.client.isResumed
        #expect(!early)
        let resumption = connection.client.takeResumption()
        #expect(resumption != nil)
        between()
        var next = try TestConnection(client, second ?? first, name: name, resuming: resumption)
        next.shakeHands()
        #expect(next.clientFailure == nil)
        let (atClient, atServer) = (next.client.isResumed, next.server.isResumed)
        #expect(atClient == atServer)
        return atClient
    }

    @Test(arguments: [(0, true), (1, true), (2, true), (3, false), (10, false)])
    func `opens tickets for two turns of the keys`(turns: Int, isResumed: Bool) throws {
        let server = try world.server()
        let resumed = try self.isResumed(world.client(), server) {
            for _ in 0..<turns { server.rotateTicketKeys() }
        }
        #expect(resumed == isResumed)
    }

    @Test(arguments: [(0, true), (2, true), (3, false)])
    func `opens older tickets for two turns of the keys`(turns: Int, isResumed: Bool) throws {
        let server = try world.server()
        let first = unsafe RawPeer.client(newest: .tls12)
        var session = try server.makeSession()
        #expect(session.shakeHands(with: first) == nil)
        for _ in 0..<turns { server.rotateTicketKeys() }
        let second = unsafe RawPeer.client(newest: .tls12)
        _ = unsafe SSL_set_session(second.session, SSL_get_session(first.session))
        var next = try server.makeSession()
        #expect(next.shakeHands(with: second) == nil)
        let resumed = next.isResumed
        #expect(resumed == isResumed)
    }

    @Test func `gives one ticket, and a new one after each resumption`() throws {
        let (client, server) = (try world.client(), try world.server())
        var resumption: TLSResumption?
        for turn in 0..<5 {
            var connection = try TestConnection(client, server, resuming: resumption)
            connection.shakeHands()
            let isResumed = connection.server.isResumed
            #expect(isResumed == (turn > 0))
            resumption = connection.client.takeResumption()
            #expect(resumption != nil)
            let further = connection.client.takeResumption()
            #expect(further == nil)
            server.rotateTicketKeys()
        }
    }

    @Test func `does not resume at another listener`() throws {
        let leaf = world.leaf()
        let resumed = try isResumed(world.client(), world.server([leaf]), then: world.server([leaf]))
        #expect(!resumed)
    }

    @Test func `does not carry a session to other rules for client certificates`() throws {
        let leaf = world.leaf()
        let identity = unsafe try TestAuthority("client", issuer: world.root).identity(requiresNames: false)
        let client = try world.client(identity: identity)
        let open = try world.server([leaf])
        let requested = try world.server([leaf], clientAuthorities: world.anchors(), clientMode: .request)
        let required = try world.server([leaf], clientAuthorities: world.anchors(), clientMode: .require)
        for (first, second) in [(open, requested), (requested, required), (requested, open)] {
            let resumed = try isResumed(client, first, then: second)
            #expect(!resumed)
        }
    }

    @Test func `does not resume a session for a name that its certificate does not cover`() throws {
        let leaves = [world.leaf("DNS:a.example"), world.leaf("DNS:b.example")]
        let (client, server) = (try world.client(), try world.server(leaves))
        let other = try isResumed(client, server, name: "b.example")
        #expect(!other)
        let both = try world.server([world.leaf("DNS:a.example,DNS:b.example")])
        let covered = try isResumed(client, both, name: "b.example")
        #expect(covered)
    }

    @Test func `does not resume a session of another client`() throws {
        let server = try world.server()
        var connection = try TestConnection(world.client(), server)
        connection.shakeHands()
        let resumption = connection.client.takeResumption()
        let stranger = try world.client(anchors: TestWorld().anchors())
        var next = try TestConnection(stranger, server, resuming: resumption)
        next.shakeHands()
        #expect(next.clientFailure?.kind == .certificate)
    }

    @Test func `shakes hands in full after a ticket that was tampered with`() throws {
        let server = try world.server()
        let first = unsafe RawPeer.client(newest: .tls12)
        var session = try server.makeSession()
        #expect(session.shakeHands(with: first) == nil)
        var start: UnsafePointer<UInt8>?
        var count = 0
        unsafe SSL_SESSION_get0_ticket(SSL_get_session(first.session), &start, &count)
        let ticket = unsafe Array(UnsafeBufferPointer(start: start, count: count))
        #expect(ticket.count > 64)
        for index in stride(from: 0, to: ticket.count, by: 7) {
            var changed = ticket
            changed[index] ^= 0x10
            let second = unsafe RawPeer.client(newest: .tls12)
            // The hello of a client that offers the changed ticket: found by its octets, and exchanged.
            _ = unsafe SSL_set_session(second.session, SSL_get_session(first.session))
            var hello = second.run()
            let place = try #require(hello.firstIndex(of: ticket))
            hello.replaceSubrange(place..<(place + count), with: changed)
            var next = try server.makeSession()
            let (_, _, failure) = next.take(hello)
            #expect(failure == nil)
            let isResumed = next.isResumed
            #expect(!isResumed)
        }
    }
}

extension [UInt8] {
    /// Where `other` begins.
    func firstIndex(of other: [UInt8]) -> Int? {
        guard !other.isEmpty, other.count <= count else { return nil }
        return (0...(count - other.count)).first { self[$0..<($0 + other.count)].elementsEqual(other) }
    }
}
