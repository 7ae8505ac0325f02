// Which certificates, keys and OCSP responses fit together.

import Bytes
import COpenSSL
import Testing

@testable import OpenSSL

@Suite struct CertificateIdentityTests {
    let world = TestWorld()

    func error(_ certificates: [UInt8], _ key: [UInt8], staple: [UInt8]? = nil) -> CertificateError? {
        do throws(CertificateError) {
            _ = try CertificateIdentity(certificates: certificates.span, key: key.span, staple: staple)
            return nil
        } catch {
            return error
        }
    }

    @Test func `reads names and times`() throws {
        let leaf = world.leaf(
            "DNS:A.Example,DNS:*.b.example,IP:127.0.0.1,IP:::1,DNS:a.example,email:x@y.example"
        )
        let identity = try leaf.identity()
        #expect(identity.names == ["a.example", "*.b.example", "127.0.0.1", "::1"])
        #expect(identity.notAfter - identity.notBefore == 86_400 + 3600)
        #expect(identity.notBefore > 1_700_000_000)
        #expect(identity.stapleExpires == nil)
    }

    @Test(arguments: [
        ("a.example", true), ("A.EXAMPLE", true), ("a.example.", true), ("b.example", false),
        ("x.b.example", true), ("X.B.example", true), ("x.y.b.example", false), ("xb.example", false),
        (".b.example", false), ("127.0.0.1", true), ("127.0.0.2", false), ("::1", true),
        ("0:0:0:0:0:0:0:1", true), ("::2", false), ("", false), ("a.example\0", false), ("1.b.example", true),
    ])
    func `covers exact names, one label of a wildcard, and addresses`(host: String, isCovered: Bool) throws {
        let identity = try world.leaf("DNS:a.example,DNS:*.b.example,IP:127.0.0.1,IP:::1").identity()
        #expect(identity.covers(host) == isCovered)
    }

    @Test(
        arguments: [.rsa, .ellipticCurve(.p256), .ellipticCurve(.p384), .edwards(.ed25519)] as [KeyKind]
    )
    func `takes keys that handshakes use`(kind: KeyKind) throws {
        let leaf = world.leaf(key: kind)
        #expect(error(leaf.pem, leaf.keyPEM) == nil)
    }

    @Test(arguments: [.ellipticCurve(.p521), .edwards(.ed448)] as [KeyKind])
    func `refuses keys that they do not use`(kind: KeyKind) throws {
        let leaf = world.leaf(key: kind)
        #expect(error(leaf.pem, leaf.keyPEM) == .unsupportedKey)
    }

    @Test func `refuses texts that are something else`() throws {
        let leaf = world.leaf()
        let (pem, key) = (leaf.pem, leaf.keyPEM)
        #expect(error(pem, key) == nil)
        #expect(error(pem + key, pem + key) == nil)
        #expect(error([], key) == .noCertificate)
        #expect(error(key, key) == .noCertificate)
        #expect(
            error(Array("-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n".utf8), key)
                == .malformedCertificate
        )
        #expect(error(Array(pem.dropLast(30)), key) == .malformedCertificate)
        #expect(error(pem + Array(pem.dropLast(30)), key) == .malformedCertificate)
        #expect(error(pem, []) == .noKey)
        #expect(error(pem, pem) == .noKey)
        #expect(error(pem, Array(key.dropLast(30))) == .malformedKey)
        #expect(error(pem, leaf.encryptedKeyPEM) == .encryptedKey)
        #expect(error(pem, world.leaf().keyPEM) == .keyMismatch)
        #expect(error(pem, world.leaf(key: .rsa).keyPEM) == .keyMismatch)
    }

    @Test func `never traps on damaged texts`() throws {
        let leaf = world.leaf()
        let (pem, key) = (leaf.pem, leaf.keyPEM)
        for position in stride(from: 0, to: pem.count, by: 3) {
            var changed = pem
            changed[position] ^= 0x05
            _ = error(changed, key)
        }
        // A few octets say nothing: a number that is not looked at, the end of the last line.
        let unnoticed = key.indices.count { position in
            var changed = key
            changed[position] ^= 0x05
            return error(pem, changed) == nil
        }
        #expect(unnoticed < 8)
    }

    @Test func `refuses weak signatures`() throws {
        let leaf = unsafe TestAuthority(
            "weak",
            issuer: world.root,
            alternativeNames: "DNS:a.example",
            digest: unsafe EVP_sha1()
        )
        #expect(error(leaf.pem, leaf.keyPEM) == .weakKey)
    }

    @Test func `wants names of servers, not of clients`() throws {
        let leaf = unsafe TestAuthority("a.example", issuer: world.root)
        #expect(error(leaf.pem, leaf.keyPEM) == .noNames)
        #expect(try leaf.identity(requiresNames: false).names.isEmpty)
        let mail = world.leaf("email:a@a.example")
        #expect(error(mail.pem, mail.keyPEM) == .noNames)
    }

    @Test func `checks the OCSP response`() throws {
        let leaf = world.leaf()
        let (pem, key) = (leaf.pem, leaf.keyPEM)
        let good = world.root.staple(for: leaf)
        #expect(error(pem, key, staple: good) == nil)
        #expect(error(pem, key, staple: []) == .malformedStaple)
        #expect(error(pem, key, staple: [1, 2, 3]) == .malformedStaple)
        #expect(error(pem, key, staple: Array(good.dropLast())) == .malformedStaple)
        #expect(error(pem, key, staple: good + [0]) == .malformedStaple)
        #expect(error(pem, key, staple: TestAuthority.busyStaple) == .unsuccessfulStaple)
        #expect(error(pem, key, staple: world.root.staple(for: world.leaf())) == .foreignStaple)
        for status in [V_OCSP_CERTSTATUS_REVOKED, V_OCSP_CERTSTATUS_UNKNOWN] {
            #expect(
                error(pem, key, staple: world.root.staple(for: leaf, status: status)) == .unsuccessfulStaple
            )
        }
        let identity = try leaf.identity(staple: world.root.staple(for: leaf, seconds: 1800))
        let other = try leaf.identity(staple: world.root.staple(for: leaf, seconds: 3600))
        let (early, late) = (try #require(identity.stapleExpires), try #require(other.stapleExpires))
        #expect((1799...1801).contains(late - early))
    }

    @Test func `has a sentence for each error`() {
        let sentences = Set(CertificateError.allCases.map(\.sentence))
        #expect(sentences.count == CertificateError.allCases.count)
        #expect(sentences.allSatisfy { $0.hasSuffix(".") })
    }

    @Test(arguments: TLSVersion.allCases)
    func `staples where a client asks for it`(version: TLSVersion) throws {
        let leaf = world.leaf("DNS:a.example")
        let other = world.leaf("DNS:b.example")
        let staple = world.root.staple(for: leaf)
        let context = try ServerTLSContext(
            identities: [leaf.identity(staple: staple), other.identity()],
            minimumVersion: .tls12,
            clientAuthorities: nil,
            clientMode: .request
        )
        for (name, asks, expected) in [
            ("a.example", true, staple), ("a.example", false, nil), ("b.example", true, nil),
        ] {
            let client = unsafe RawPeer.client(newest: version)
            _ = unsafe audgate_SSL_set_host_name(client.session, name)
            if asks {
                _ = unsafe SSL_ctrl(
                    client.session,
                    SSL_CTRL_SET_TLSEXT_STATUS_REQ_TYPE,
                    Int(TLSEXT_STATUSTYPE_ocsp),
                    nil
                )
            }
            var server = try context.makeSession()
            #expect(server.shakeHands(with: client) == nil)
            var response: UnsafeMutablePointer<UInt8>?
            let count = unsafe SSL_ctrl(
                client.session,
                SSL_CTRL_GET_TLSEXT_STATUS_REQ_OCSP_RESP,
                0,
                &response
            )
            let seen = unsafe response.map { unsafe Array(UnsafeBufferPointer(start: $0, count: count)) }
            #expect(seen == expected)
        }
    }
}
