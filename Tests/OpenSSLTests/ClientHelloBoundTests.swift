// Clients that announce more than they should.

import Bytes
import COpenSSL
import Testing

@testable import OpenSSL

@Suite struct ClientHelloBoundTests {
    let world = TestWorld()

    static func record(_ body: [UInt8], type: UInt8 = 22) -> [UInt8] {
        [type, 3, 1, UInt8(body.count >> 8), UInt8(body.count & 0xFF)] + body
    }

    static func head(_ length: Int, type: UInt8 = 1) -> [UInt8] {
        [type, UInt8(length >> 16 & 0xFF), UInt8(length >> 8 & 0xFF), UInt8(length & 0xFF)]
    }

    /// Whether `octets` pass, in one piece and in pieces of one octet.
    static func admits(_ octets: [UInt8], isTLS12: Bool = false) -> Bool {
        var bound = ClientHelloBound()
        let atOnce = bound.admits(octets.span, isTLS12: isTLS12)
        var slow = ClientHelloBound()
        let inPieces = octets.allSatisfy { octet in
            let piece = [octet]
            return slow.admits(piece.span, isTLS12: isTLS12)
        }
        #expect(atOnce == inPieces)
        return atOnce
    }

    @Test(arguments: [
        (0, true), (1, true), (512, true), (32_768, true), (32_769, false), (131_396, false),
        (0xFF_FFFF, false),
    ])
    func `refuses hellos by the length that they announce`(length: Int, isAdmitted: Bool) throws {
        #expect(Self.admits(Self.record(Self.head(length))) == isAdmitted)
        #expect(Self.admits(Self.head(length).flatMap { Self.record([$0]) }) == isAdmitted)
        #expect(Self.admits(Self.record([]) + Self.record(Self.head(length))) == isAdmitted)
        guard !isAdmitted else { return }
        var server = try world.server().makeSession()
        let (_, _, failure) = server.take(Self.record(Self.head(length)))
        #expect(failure == TLSFailure(.limit, "client hello too long"))
    }

    @Test func `looks at the second hello as well, wherever it begins`() {
        let first = Self.head(300) + [UInt8](repeating: 1, count: 300)
        let second = Self.head(100_000)
        #expect(Self.admits(Self.record(first + first + first)))
        #expect(!Self.admits(Self.record(first + second)))
        #expect(!Self.admits(Self.record(first) + Self.record(second)))
        #expect(!Self.admits(Self.record(first) + Self.record([1], type: 20) + Self.record(second)))
        #expect(!Self.admits(Self.record(first) + Self.record([1, 2, 3], type: 23) + Self.record(second)))
        #expect(
            !Self.admits(Self.record(Array(first.prefix(10))) + Self.record(first.dropFirst(10) + second))
        )
    }

    @Test func `takes no other octets for a hello`() {
        let other = Self.head(100_000, type: 11)
        #expect(Self.admits(Self.record(other)))
        #expect(Self.admits(Self.record(other + Self.head(100_000))))
        #expect(Self.admits(Self.record([1], type: 20) + Self.record(Self.head(100_000)), isTLS12: true))
        #expect(Self.admits(Self.record(Self.head(100_000), type: 23)))
        #expect(Self.admits(Self.record(Self.head(300) + Self.head(100_000))))
    }

    @Test func `never traps on octets at random`() {
        for length in [1, 10, 100, 5000] {
            for _ in 0..<50 {
                var octets = SecureRandom.bytes(count: length)
                for index in stride(from: 0, to: length, by: 40) { octets[index] = 22 }
                _ = Self.admits(octets)
            }
        }
    }

    @Test func `takes the second hello of a client that must choose another curve`() throws {
        let client = unsafe RawPeer.client(newest: .tls13) { context in
            _ = unsafe audgate_SSL_CTX_set1_groups_list(context, "P-521:P-256")
        }
        var server = try world.server().makeSession()
        #expect(server.shakeHands(with: client) == nil)
        let isEstablished = server.isEstablished
        #expect(isEstablished)
    }

    @Test func `shares no curve with clients that only know another`() throws {
        for (version, detail) in [(TLSVersion.tls13, "no suitable key share"), (.tls12, "no shared cipher")] {
            let client = unsafe RawPeer.client(newest: version) { context in
                _ = unsafe audgate_SSL_CTX_set1_groups_list(context, "P-521")
            }
            var server = try world.server().makeSession()
            #expect(server.shakeHands(with: client) == TLSFailure(.noSharedCipher, detail))
        }
    }
}
