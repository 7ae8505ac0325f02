// Which servers a client believes.

import Bytes
import Testing

@testable import OpenSSL

@Suite struct VerificationTests {
    let world = TestWorld()

    /// How the client and the server fail.
    func failures(
        _ leaf: TestAuthority,
        name: String = "a.example",
        anchors: TrustAnchors? = nil
    ) throws -> (client: TLSFailure?, server: TLSFailure?) {
        let server = try ServerTLSContext(
            identities: [leaf.identity(requiresNames: false)],
            minimumVersion: .tls12,
            clientAuthorities: nil,
            clientMode: .request
        )
        var connection = try TestConnection(world.client(anchors: anchors), server, name: name)
        connection.shakeHands()
        let digest = connection.client.peerCertificateDigest
        #expect(digest == (connection.clientFailure == nil ? leaf.digest : nil))
        return (connection.clientFailure, connection.serverFailure)
    }

    @Test func `refuses a certificate that has expired`() throws {
        let (client, server) = try failures(world.leaf(validity: .expired))
        #expect(client == TLSFailure(.certificate, "certificate has expired"))
        #expect(server == TLSFailure(.alert, "alert certificate expired"))
    }

    @Test func `refuses a certificate that is not yet valid`() throws {
        let (client, server) = try failures(world.leaf(validity: .later))
        #expect(client == TLSFailure(.certificate, "certificate is not yet valid"))
        #expect(server == TLSFailure(.alert, "alert bad certificate"))
    }

    @Test func `refuses a certificate of an unknown authority`() throws {
        let (client, server) = try failures(TestWorld().leaf())
        #expect(client == TLSFailure(.certificate, "unable to get local issuer certificate"))
        #expect(server == TLSFailure(.alert, "alert unknown ca"))
    }

    @Test func `refuses a certificate of another authority with the same name`() throws {
        let (one, other) = (TestWorld(root: "Root"), TestWorld(root: "Root"))
        let (client, server) = try failures(one.leaf(), anchors: other.anchors())
        #expect(client == TLSFailure(.certificate, "certificate signature failure"))
        #expect(server == TLSFailure(.alert, "alert decrypt error"))
    }

    @Test func `refuses a certificate that signed itself`() throws {
        let (client, _) = unsafe try failures(TestAuthority("self", alternativeNames: "DNS:a.example"))
        #expect(client == TLSFailure(.certificate, "self-signed certificate"))
    }

    @Test func `refuses a certificate for clients only`() throws {
        let (client, server) = try failures(world.leaf(purpose: "clientAuth"))
        #expect(client == TLSFailure(.certificate, "unsuitable certificate purpose"))
        #expect(server == TLSFailure(.alert, "alert unsupported certificate"))
    }

    @Test func `refuses a certificate that a leaf has issued`() throws {
        let middle = unsafe TestAuthority(
            "middle",
            issuer: world.root,
            alternativeNames: "DNS:middle.example"
        )
        let (client, _) = unsafe try failures(
            TestAuthority("leaf", issuer: middle, alternativeNames: "DNS:a.example")
        )
        #expect(client == TLSFailure(.certificate, "invalid CA certificate"))
    }

    @Test(arguments: [
        ("DNS:a.example", "a.example", true), ("DNS:a.example", "A.Example", true),
        ("DNS:a.example", "a.example.", true), ("DNS:a.example", "b.example", false),
        ("DNS:*.example.com", "a.example.com", true), ("DNS:*.example.com", "a.b.example.com", false),
        ("DNS:*.example.com", "example.com", false), ("DNS:a*.example.com", "ab.example.com", false),
        ("DNS:a.example", "sub.a.example", false), ("DNS:a.example", "a.example.evil", false),
        ("IP:127.0.0.1", "127.0.0.1", true), ("IP:127.0.0.1", "127.0.0.2", false),
        ("DNS:127.0.0.1", "127.0.0.1", false), ("IP:::1", "::1", true), ("IP:::1", "0:0::0:1", true),
        ("IP:::1", "::2", false), ("DNS:a.example", "127.0.0.1", false),
        ("email:a.example", "a.example", false), ("URI:https://a.example", "a.example", false),
    ])
    func `compares the name`(names: String, host: String, isCovered: Bool) throws {
        let (client, _) = try failures(world.leaf(names), name: host)
        let isAddress = host.contains(":") || host.hasPrefix("127.")
        let detail = isAddress ? "IP address mismatch" : "hostname mismatch"
        #expect(client == (isCovered ? nil : TLSFailure(.certificate, detail)))
    }

    @Test func `does not look at the common name`() throws {
        let leaf = unsafe TestAuthority("a.example", issuer: world.root)
        let (client, _) = try failures(leaf)
        #expect(client == TLSFailure(.certificate, "hostname mismatch"))
    }

    @Test(arguments: ["", ".", "a.example\0.evil"])
    func `takes no name that would match anything`(name: String) throws {
        let client = try world.client()
        #expect(throws: OpenSSLError.self) {
            _ = try client.makeSession(serverName: name, resuming: nil).isEstablished
        }
    }

    @Test func `refuses what is revoked, and what no list speaks of`() throws {
        let world = TestWorld(root: "Root")
        let intermediate = TestAuthority.authority("Intermediate", issuer: world.root)
        let leaf = unsafe TestAuthority("leaf", issuer: intermediate, alternativeNames: "DNS:a.example")
        let none = world.root.revocationList()
        let noneBelow = intermediate.revocationList()
        let cases: [([UInt8], String?)] = [
            (none + noneBelow, nil),
            (none + intermediate.revocationList(of: [leaf]), "certificate revoked"),
            (world.root.revocationList(of: [intermediate]) + noneBelow, "certificate revoked"),
            (none, "unable to get certificate CRL"),
            (noneBelow, "unable to get certificate CRL"),
            (none + intermediate.revocationList(validity: .expired), "CRL has expired"),
            (TestAuthority.authority("Root").revocationList() + noneBelow, "CRL signature failure"),
        ]
        for (lists, detail) in cases {
            let (client, _) = try failures(leaf, anchors: world.anchors(revocations: lists))
            #expect(client == detail.map { TLSFailure(.certificate, $0) })
        }
    }

    @Test func `believes anybody only where it is told to`() throws {
        let stranger = TestWorld()
        let trusting = try ClientTLSContext(anchors: nil, identity: nil, verifies: false, offersHTTP2: false)
        var connection = try TestConnection(trusting, stranger.server(), name: "b.example")
        connection.shakeHands()
        let isEstablished = connection.isEstablished
        #expect(isEstablished)
        let digest = connection.client.peerCertificateDigest
        #expect(digest == nil)
    }

    @Test func `asks the system where it was told no authorities`() throws {
        let system = try ClientTLSContext(anchors: nil, identity: nil, offersHTTP2: false)
        var connection = try TestConnection(system, world.server())
        connection.shakeHands()
        #expect(connection.clientFailure?.kind == .certificate)
        let list = world.root.revocationList()
        #expect(throws: Never.self) { _ = try TrustAnchors.systemWith(revocations: list) }
    }

    @Test func `refuses texts without authorities or lists`() throws {
        let root = world.root.pem
        let list = world.root.revocationList()
        #expect(error([], nil) == .noAuthority)
        #expect(error(world.root.keyPEM, nil) == .noAuthority)
        #expect(error(Array("no PEM".utf8), nil) == .noAuthority)
        #expect(error(list, nil) == .noAuthority)
        #expect(error(root, []) == .malformedRevocationList)
        #expect(error(root, root) == .malformedRevocationList)
        #expect(error(root, Array(list.dropLast(40))) == .malformedRevocationList)
        #expect(error(Array(root.dropLast(40)), nil) == .malformedCertificate)
        #expect(error(root + Array(root.dropLast(40)), nil) == .malformedCertificate)
        #expect(error(root + root, list) == nil)
        #expect(throws: CertificateError.malformedRevocationList) {
            _ = try TrustAnchors.systemWith(revocations: root)
        }
    }

    private func error(_ authorities: [UInt8], _ revocations: [UInt8]?) -> CertificateError? {
        do throws(CertificateError) {
            _ = try TrustAnchors(authorities: authorities.span, revocations: revocations)
            return nil
        } catch {
            return error
        }
    }
}
