// One authority with what most tests need of it.

import Bytes
import OpenSSL

/// A root, and the usual two sides.
struct TestWorld {
    let root: TestAuthority

    /// - Parameter root: The name of the root; roots of the same name have different keys all the same.
    init(root: String = "Root \(SecureRandom.number())") {
        self.root = TestAuthority.authority(root)
    }

    func leaf(
        _ names: String = "DNS:a.example",
        key: KeyKind = .ellipticCurve(.p256),
        purpose: String? = nil,
        validity: TestAuthority.Validity = .now
    ) -> TestAuthority {
        unsafe TestAuthority(
            "leaf",
            issuer: root,
            key: key,
            alternativeNames: names,
            purpose: purpose,
            validity: validity
        )
    }

    func anchors(revocations: [UInt8]? = nil) throws -> TrustAnchors {
        let pem = root.pem
        return try TrustAnchors(authorities: pem.span, revocations: revocations)
    }

    func server(
        _ leaves: [TestAuthority]? = nil,
        minimum: TLSVersion = .tls12,
        clientAuthorities: TrustAnchors? = nil,
        clientMode: ClientCertificateMode = .require,
        offersHTTP2: Bool = true
    ) throws -> ServerTLSContext {
        try ServerTLSContext(
            identities: (leaves ?? [leaf()]).map { try $0.identity() },
            minimumVersion: minimum,
            clientAuthorities: clientAuthorities,
            clientMode: clientMode,
            offersHTTP2: offersHTTP2
        )
    }

    func client(
        anchors: TrustAnchors? = nil,
        identity: CertificateIdentity? = nil,
        offersHTTP2: Bool = true
    ) throws -> ClientTLSContext {
        try ClientTLSContext(anchors: anchors ?? self.anchors(), identity: identity, offersHTTP2: offersHTTP2)
    }
}

extension TestAuthority {
    func identity(staple: [UInt8]? = nil, requiresNames: Bool = true) throws -> CertificateIdentity {
        let chain = chainPEM
        let key = keyPEM
        return try CertificateIdentity(
            certificates: chain.span,
            key: key.span,
            staple: staple,
            requiresNames: requiresNames
        )
    }
}
