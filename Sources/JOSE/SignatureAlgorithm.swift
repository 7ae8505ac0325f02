// The signature algorithms that audgate knows, and the keys that each is for.

public import OpenSSL

/// An asymmetric algorithm under its registered `alg` name (RFC 7518 §3.1, RFC 8037 §3.1, RFC 9864 §2.2).
///
/// There is no symmetric one and no `none`, so no configuration and no token can choose one.
public enum SignatureAlgorithm: String, CaseIterable, Hashable, Sendable {
    /// RSASSA-PKCS1-v1_5 with SHA-256.
    case rs256 = "RS256"
    /// RSASSA-PKCS1-v1_5 with SHA-384.
    case rs384 = "RS384"
    /// RSASSA-PKCS1-v1_5 with SHA-512.
    case rs512 = "RS512"
    /// RSASSA-PSS with SHA-256.
    case ps256 = "PS256"
    /// RSASSA-PSS with SHA-384.
    case ps384 = "PS384"
    /// RSASSA-PSS with SHA-512.
    case ps512 = "PS512"
    /// ECDSA on P-256 with SHA-256.
    case es256 = "ES256"
    /// ECDSA on P-384 with SHA-384.
    case es384 = "ES384"
    /// ECDSA on P-521 with SHA-512.
    case es512 = "ES512"
    /// Ed25519 or Ed448, whichever the key's curve is.
    case eddsa = "EdDSA"
    /// Ed25519 only.
    case ed25519 = "Ed25519"
    /// Ed448 only.
    case ed448 = "Ed448"

    /// What the algorithm does to a message.
    public var scheme: SignatureScheme {
        switch self {
        case .rs256: .rsaPKCS1(.sha256)
        case .rs384: .rsaPKCS1(.sha384)
        case .rs512: .rsaPKCS1(.sha512)
        case .ps256: .rsaPSS(.sha256)
        case .ps384: .rsaPSS(.sha384)
        case .ps512: .rsaPSS(.sha512)
        case .es256: .ecdsa(.sha256)
        case .es384: .ecdsa(.sha384)
        case .es512: .ecdsa(.sha512)
        case .eddsa, .ed25519, .ed448: .eddsa
        }
    }

    /// Whether a key of `kind` may be used with the algorithm: the kind and the curve must be the right ones.
    public func fits(_ kind: KeyKind) -> Bool {
        switch self {
        case .rs256, .rs384, .rs512, .ps256, .ps384, .ps512: kind == .rsa
        case .es256: kind == .ellipticCurve(.p256)
        case .es384: kind == .ellipticCurve(.p384)
        case .es512: kind == .ellipticCurve(.p521)
        case .eddsa: kind == .edwards(.ed25519) || kind == .edwards(.ed448)
        case .ed25519: kind == .edwards(.ed25519)
        case .ed448: kind == .edwards(.ed448)
        }
    }
}
