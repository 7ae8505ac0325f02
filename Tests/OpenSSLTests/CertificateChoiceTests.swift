// Which certificate a name gets.

import Bytes
import COpenSSL
import Testing

@testable import OpenSSL

@Suite struct CertificateChoiceTests {
    let world = TestWorld()

    /// Digest of the certificate that a client sees.
    func certificate(
        of server: ServerTLSContext,
        for name: String?,
        newest: TLSVersion = .tls13,
        ciphers: String? = nil
    ) throws -> [UInt8]? {
        let client = unsafe RawPeer.client(newest: newest) { context in
            if let ciphers { _ = unsafe SSL_CTX_set_cipher_list(context, ciphers) }
        }
        if let name { _ = unsafe audgate_SSL_set_host_name(client.session, name) }
        var session = try server.makeSession()
        let failure = session.shakeHands(with: client)
        #expect(failure == nil)
        let asked = session.serverName
        #expect(asked == name)
        return client.peerDigest
    }

    @Test(arguments: TLSVersion.allCases)
    func `chooses by exact name, then by wildcard, else the first`(version: TLSVersion) throws {
        let first = world.leaf("DNS:first.example")
        let exact = world.leaf("DNS:a.wild.example,DNS:b.example")
        let wildcard = world.leaf("DNS:*.wild.example")
        let server = try world.server([first, wildcard, exact])
        let choices: [(String?, TestAuthority)] = [
            ("a.wild.example", exact), ("b.example", exact), ("b.wild.example", wildcard),
            ("A.WILD.Example", exact), ("B.wild.EXAMPLE", wildcard),
            ("first.example", first), ("unknown.example", first), (nil, first),
            ("wild.example", first), ("a.b.wild.example", first), ("xwild.example", first),
            ("*.wild.example", wildcard), ("example", first), ("a.wild.example.evil", first),
        ]
        for (name, leaf) in choices {
            let seen = try certificate(of: server, for: name, newest: version)
            #expect(seen == leaf.digest, "\(name ?? "no name")")
        }
    }

    @Test(arguments: ["a.example", "unknown.example"])
    func `keeps RSA and ECDSA side by side for a name`(name: String) throws {
        let rsa = world.leaf("DNS:a.example", key: .rsa)
        let ecdsa = world.leaf("DNS:a.example", key: .ellipticCurve(.p384))
        let other = world.leaf("DNS:b.example", key: .rsa)
        let server = try world.server([rsa, other, ecdsa])
        let byRSA = try certificate(
            of: server,
            for: name,
            newest: .tls12,
            ciphers: "ECDHE-RSA-AES128-GCM-SHA256"
        )
        let byECDSA = try certificate(
            of: server,
            for: name,
            newest: .tls12,
            ciphers: "ECDHE-ECDSA-AES128-GCM-SHA256"
        )
        #expect(byRSA == rsa.digest)
        #expect(byECDSA == ecdsa.digest)
        let another = try certificate(of: server, for: "b.example")
        #expect(another == other.digest)
    }

    @Test func `takes a name that is no text for an unknown one`() throws {
        let server = try world.server([world.leaf("DNS:a.example"), world.leaf("DNS:b.example")])
        let client = unsafe RawPeer.client(newest: .tls13)
        let name: [CChar] = [98, -1, -2, 46, 97, 0]
        _ = unsafe audgate_SSL_set_host_name(client.session, name)
        var session = try server.makeSession()
        #expect(session.shakeHands(with: client) == nil)
        let asked = session.serverName
        #expect(asked == nil)
    }

    @Test func `takes the first of two certificates for one name and kind of key`() throws {
        let leaves = [world.leaf(), world.leaf()]
        let seen = try certificate(of: world.server(leaves), for: "a.example")
        #expect(seen == leaves[0].digest)
    }

    @Test func `serves with Ed25519`() throws {
        let leaf = world.leaf(key: .edwards(.ed25519))
        let seen = try certificate(of: world.server([leaf]), for: "a.example")
        #expect(seen == leaf.digest)
    }

    @Test func `needs at least one identity`() throws {
        #expect(throws: OpenSSLError.self) { _ = try world.server([]) }
    }

    @Test func `makes one set for all names of the same certificates`() throws {
        let leaf = try world.leaf("DNS:a.example,DNS:b.example,DNS:*.c.example").identity()
        let other = try world.leaf("DNS:b.example", key: .edwards(.ed25519)).identity()
        let choice = CertificateChoice([leaf, other])
        #expect(choice.sets.count == 2)
        #expect(choice.setByName == ["a.example": 0, "b.example": 1, "*.c.example": 0])
        #expect(CertificateChoice([leaf]).sets.count == 1)
        #expect(CertificateChoice([]).sets.isEmpty)
    }

    @Test func `shows the whole chain`() throws {
        let intermediate = TestAuthority.authority("Intermediate", issuer: world.root)
        let leaf = unsafe TestAuthority("leaf", issuer: intermediate, alternativeNames: "DNS:a.example")
        var connection = try TestConnection(world.client(), world.server([leaf]))
        connection.shakeHands()
        #expect(connection.clientFailure == nil)
        let digest = connection.client.peerCertificateDigest
        #expect(digest == leaf.digest)
    }
}
