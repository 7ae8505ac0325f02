// Signing and verifying with every scheme.

import Bytes
import OpenSSL
import Testing

@Suite struct SignatureTests {
    static let pairs: [(KeyKind, SignatureScheme)] = [
        (.rsa, .rsaPKCS1(.sha256)), (.rsa, .rsaPKCS1(.sha384)), (.rsa, .rsaPKCS1(.sha512)),
        (.rsa, .rsaPSS(.sha256)), (.rsa, .rsaPSS(.sha384)), (.rsa, .rsaPSS(.sha512)),
        (.ellipticCurve(.p256), .ecdsa(.sha256)), (.ellipticCurve(.p384), .ecdsa(.sha384)),
        (.ellipticCurve(.p521), .ecdsa(.sha512)), (.edwards(.ed25519), .eddsa), (.edwards(.ed448), .eddsa),
    ]

    @Test(arguments: pairs)
    func `verifies what it signs and nothing else`(kind: KeyKind, scheme: SignatureScheme) throws {
        let signing = try SigningKey(generating: kind)
        let key = try PublicKey(signing.publicMaterial)
        let signature = try signing.signature(of: "message", by: scheme)
        #expect(signature.count == key.signatureLength)
        #expect(key.verifies(signature, of: "message", by: scheme))
        #expect(!key.verifies(signature, of: "massage", by: scheme))
        #expect(!key.verifies(signature, of: "", by: scheme))
        for index in signature.indices {
            var tampered = signature
            tampered[index] ^= 0x04
            #expect(!key.verifies(tampered, of: "message", by: scheme))
        }
        let stranger = try PublicKey(SigningKey(generating: kind).publicMaterial)
        #expect(!stranger.verifies(signature, of: "message", by: scheme))
    }

    @Test(arguments: pairs)
    func `refuses signatures of another length`(kind: KeyKind, scheme: SignatureScheme) throws {
        let signing = try SigningKey(generating: kind)
        let key = try PublicKey(signing.publicMaterial)
        let signature = try signing.signature(of: "message", by: scheme)
        for other in [
            [], [0] + signature, signature + [0], Array(signature.dropLast()), signature + signature,
        ] {
            #expect(!key.verifies(other, of: "message", by: scheme))
        }
    }

    @Test func `refuses a scheme for another kind of key`() throws {
        for (kind, ownScheme) in Self.pairs {
            let signing = try SigningKey(generating: kind)
            let key = try PublicKey(signing.publicMaterial)
            let signature = try signing.signature(of: "m", by: ownScheme)
            for (_, scheme) in Self.pairs where scheme != ownScheme {
                #expect(!key.verifies(signature, of: "m", by: scheme))
                guard !scheme.fits(kind) else { continue }
                #expect(throws: OpenSSLError.self) { _ = try signing.signature(of: "m", by: scheme) }
            }
        }
    }

    @Test func `checks signatures by one scheme and another in turn`() throws {
        let signing = try SigningKey(generating: .rsa)
        let key = try PublicKey(signing.publicMaterial)
        let schemes: [SignatureScheme] = [.rsaPKCS1(.sha256), .rsaPSS(.sha256), .rsaPKCS1(.sha512), .eddsa]
        let signatures = try schemes.dropLast().map { ($0, try signing.signature(of: "m", by: $0)) }
        for _ in 0..<3 {
            for (own, signature) in signatures {
                for scheme in schemes {
                    #expect(key.verifies(signature, of: "m", by: scheme) == (scheme == own))
                }
            }
        }
    }

    @Test func `pads the halves of ECDSA signatures with zeros where they are short`() throws {
        let signing = try SigningKey(generating: .ellipticCurve(.p256))
        let key = try PublicKey(signing.publicMaterial)
        var hasShortHalf = false
        for number in 0..<2000 {
            let message = "\(number)"
            let signature = try signing.signature(of: message, by: .ecdsa(.sha256))
            #expect(key.verifies(signature, of: message, by: .ecdsa(.sha256)))
            if signature[0] == 0 || signature[32] == 0 { hasShortHalf = true }
        }
        #expect(hasShortHalf)
    }

    @Test func `serves several threads at once`() async throws {
        let signing = try SigningKey(generating: .ellipticCurve(.p256))
        let key = try PublicKey(signing.publicMaterial)
        let signature = try signing.signature(of: "message", by: .ecdsa(.sha256))
        let verified = await withTaskGroup(of: Int.self) { group in
            for _ in 0..<8 {
                group.addTask {
                    (0..<100).count { _ in
                        key.verifies(signature, of: "message", by: .ecdsa(.sha256))
                    }
                }
            }
            return await group.reduce(0, +)
        }
        #expect(verified == 800)
    }
}

extension PublicKey {
    fileprivate func verifies(_ signature: [UInt8], of message: String, by scheme: SignatureScheme) -> Bool {
        verifies(signature.span, of: message.utf8Span.span, by: scheme)
    }
}

extension SigningKey {
    fileprivate func signature(of message: String, by scheme: SignatureScheme) throws -> [UInt8] {
        try signature(of: message.utf8Span.span, by: scheme)
    }
}
