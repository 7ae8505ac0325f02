// How a message becomes a signature.

/// A hash of the SHA-2 family.
public enum SHA2: String, Sendable {
    /// 256 bits.
    case sha256 = "SHA256"
    /// 384 bits.
    case sha384 = "SHA384"
    /// 512 bits.
    case sha512 = "SHA512"
}

/// A way to sign.
public enum SignatureScheme: Hashable, Sendable {
    /// RSASSA-PKCS1-v1_5 (RFC 8017 §8.2).
    case rsaPKCS1(SHA2)
    /// RSASSA-PSS (RFC 8017 §8.1), MGF1 with the same hash, salt as long as the hash.
    case rsaPSS(SHA2)
    /// ECDSA with both halves of the signature in full length, one behind the other (RFC 7518 §3.4).
    case ecdsa(SHA2)
    /// Ed25519 or Ed448, whichever the key is made for (RFC 8032).
    case eddsa

    /// Whether a key of `kind` can sign this way.
    public func fits(_ kind: KeyKind) -> Bool {
        switch (self, kind) {
        case (.rsaPKCS1, .rsa), (.rsaPSS, .rsa), (.ecdsa, .ellipticCurve), (.eddsa, .edwards): true
        default: false
        }
    }

    /// The hash that OpenSSL applies to the message, nil where the scheme has its own.
    var hash: SHA2? {
        switch self {
        case .rsaPKCS1(let hash), .rsaPSS(let hash), .ecdsa(let hash): hash
        case .eddsa: nil
        }
    }

    /// Whether RSA padding is PSS.
    var isPSS: Bool {
        if case .rsaPSS = self { true } else { false }
    }
}
