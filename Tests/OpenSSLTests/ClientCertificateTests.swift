// Certificates of clients.

import Bytes
import Testing

@testable import OpenSSL

@Suite struct ClientCertificateTests {
    let world = TestWorld()
    let clients = TestWorld()

    func connection(_ identity: CertificateIdentity?, mode: ClientCertificateMode) throws -> TestConnection {
        let server = try world.server(clientAuthorities: clients.anchors(), clientMode: mode)
        var connection = try TestConnection(world.client(identity: identity), server)
        connection.shakeHands()
        return connection
    }

    @Test(arguments: ClientCertificateMode.allCases)
    func `takes a certificate of its authorities, and tells its digest`(mode: ClientCertificateMode) throws {
        let leaf = unsafe TestAuthority("client", issuer: clients.root, purpose: "clientAuth")
        let connection = try connection(leaf.identity(requiresNames: false), mode: mode)
        #expect(connection.serverFailure == nil)
        let digest = connection.server.peerCertificateDigest
        #expect(digest == leaf.digest)
    }

    @Test func `takes clients without a certificate only where none is required`() throws {
        let requested = try connection(nil, mode: .request)
        let isEstablished = requested.isEstablished
        let digest = requested.server.peerCertificateDigest
        #expect(isEstablished)
        #expect(digest == nil)
        let required = try connection(nil, mode: .require)
        #expect(
            required.serverFailure == TLSFailure(.certificate, "peer did not return a certificate")
        )
        #expect(required.clientFailure == TLSFailure(.alert, "alert certificate required"))
    }

    @Test(arguments: ClientCertificateMode.allCases)
    func `refuses certificates that are not good`(mode: ClientCertificateMode) throws {
        let cases: [(TestAuthority, String)] = unsafe [
            (TestAuthority("client", issuer: world.root), "unable to get local issuer certificate"),
            (
                TestAuthority("client", issuer: clients.root, purpose: "serverAuth"),
                "unsuitable certificate purpose"
            ),
            (TestAuthority("client", issuer: clients.root, validity: .expired), "certificate has expired"),
            (TestAuthority("client", issuer: clients.root, validity: .later), "certificate is not yet valid"),
            (TestAuthority("client"), "self-signed certificate"),
        ]
        for (leaf, detail) in cases {
            let connection = try connection(leaf.identity(requiresNames: false), mode: mode)
            #expect(connection.serverFailure == TLSFailure(.certificate, detail))
            let digest = connection.server.peerCertificateDigest
            #expect(digest == nil)
            #expect(connection.clientFailure?.kind == .alert)
        }
    }

    @Test func `refuses revoked certificates`() throws {
        let leaf = unsafe TestAuthority("client", issuer: clients.root)
        let anchors = try clients.anchors(revocations: clients.root.revocationList(of: [leaf]))
        let server = try world.server(clientAuthorities: anchors)
        let identity = try leaf.identity(requiresNames: false)
        var connection = try TestConnection(world.client(identity: identity), server)
        connection.shakeHands()
        #expect(connection.serverFailure == TLSFailure(.certificate, "certificate revoked"))
        #expect(connection.clientFailure == TLSFailure(.alert, "alert certificate revoked"))
    }

    @Test(arguments: TLSVersion.allCases)
    func `does not ask where no authorities are set`(version: TLSVersion) throws {
        let identity = unsafe try TestAuthority("client", issuer: clients.root).identity(requiresNames: false)
        var connection = try TestConnection(world.client(identity: identity), world.server(minimum: version))
        connection.shakeHands()
        let digest = connection.server.peerCertificateDigest
        let isEstablished = connection.isEstablished
        #expect(digest == nil)
        #expect(isEstablished)
    }

    @Test func `keeps the digest over a resumption`() throws {
        let leaf = unsafe TestAuthority("client", issuer: clients.root)
        let server = try world.server(clientAuthorities: clients.anchors())
        let client = try world.client(identity: leaf.identity(requiresNames: false))
        var first = try TestConnection(client, server)
        first.shakeHands()
        var second = try TestConnection(client, server, resuming: first.client.takeResumption())
        second.shakeHands()
        let isResumed = second.server.isResumed
        let digest = second.server.peerCertificateDigest
        #expect(isResumed)
        #expect(digest == leaf.digest)
    }

    @Test func `bounds the chain that a client may send`() throws {
        let intermediate = TestAuthority.authority("Intermediate", issuer: clients.root)
        let leaf = unsafe TestAuthority("client", issuer: intermediate)
        let many = (0..<120).flatMap { _ in intermediate.pem }
        let (text, key) = (leaf.pem + many, leaf.keyPEM)
        let identity = try CertificateIdentity(
            certificates: text.span,
            key: key.span,
            staple: nil,
            requiresNames: false
        )
        let connection = try connection(identity, mode: .require)
        #expect(connection.serverFailure == TLSFailure(.protocolError, "excessive message size"))
    }
}
