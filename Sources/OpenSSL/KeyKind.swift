// The kinds of asymmetric keys, and what each is made of.

/// A prime curve of NIST, named as in RFC 7518 §6.2.1.1.
public enum EllipticCurve: String, CaseIterable, Sendable {
    /// 256 bits.
    case p256 = "P-256"
    /// 384 bits.
    case p384 = "P-384"
    /// 521 bits.
    case p521 = "P-521"

    /// Bytes of one coordinate, and of each half of a signature.
    public var coordinateLength: Int {
        switch self {
        case .p256: 32
        case .p384: 48
        case .p521: 66
        }
    }
}

/// A curve of RFC 8032, named as in RFC 8037 §3.1.
public enum EdwardsCurve: String, CaseIterable, Sendable {
    /// 256 bits.
    case ed25519 = "Ed25519"
    /// 456 bits.
    case ed448 = "Ed448"

    /// Bytes of a public key; a signature has twice as many.
    public var keyLength: Int {
        switch self {
        case .ed25519: 32
        case .ed448: 57
        }
    }
}

/// What kind of key a key is.
public enum KeyKind: Hashable, Sendable {
    /// RSA of any accepted size.
    case rsa
    /// A point on a curve of NIST.
    case ellipticCurve(EllipticCurve)
    /// A point on a curve of RFC 8032.
    case edwards(EdwardsCurve)
}

/// The numbers of a public key, each big-endian.
public enum PublicKeyMaterial: Equatable, Sendable {
    /// An RSA key. Leading zero bytes count for nothing.
    case rsa(modulus: [UInt8], exponent: [UInt8])
    /// Both coordinates in full length.
    case ellipticCurve(EllipticCurve, x: [UInt8], y: [UInt8])
    /// The encoded point.
    case edwards(EdwardsCurve, x: [UInt8])

    /// The kind of key that these numbers make.
    public var kind: KeyKind {
        switch self {
        case .rsa: .rsa
        case .ellipticCurve(let curve, _, _): .ellipticCurve(curve)
        case .edwards(let curve, _): .edwards(curve)
        }
    }
}
