// Public keys as JSON Web Keys (RFC 7517, RFC 7518 §6, RFC 8037 §2) and their thumbprints (RFC 7638).

internal import Bytes
internal import JSON
public import OpenSSL

extension PublicKeyMaterial {
    /// Reads the members that make up a public key. Private members are not looked at.
    init(_ jwk: JSONObject) throws(KeyRefusal) {
        let type = try jwk.keyString("kty")
        switch type {
        case "RSA":
            self = .rsa(modulus: try jwk.keyBytes("n"), exponent: try jwk.keyBytes("e"))
        case "EC":
            guard let curve = EllipticCurve(rawValue: try jwk.keyString("crv")) else {
                throw KeyRefusal(.unsupportedCurve)
            }
            self = .ellipticCurve(curve, x: try jwk.keyBytes("x"), y: try jwk.keyBytes("y"))
        case "OKP":
            guard let curve = EdwardsCurve(rawValue: try jwk.keyString("crv")) else {
                throw KeyRefusal(.unsupportedCurve)
            }
            self = .edwards(curve, x: try jwk.keyBytes("x"))
        case "oct": throw KeyRefusal(.symmetricKey)
        default: throw KeyRefusal(.unsupportedKeyType)
        }
    }

    /// The required members of the JWK in lexicographic order, as RFC 7638 §3.2 demands.
    var jwkMembers: [(name: StaticString, value: String)] {
        switch self {
        case .rsa(let modulus, let exponent):
            [
                ("e", Base64URL.encode(Array(exponent.drop { $0 == 0 }).span)), ("kty", "RSA"),
                ("n", Base64URL.encode(Array(modulus.drop { $0 == 0 }).span)),
            ]
        case .ellipticCurve(let curve, let x, let y):
            [
                ("crv", curve.rawValue), ("kty", "EC"), ("x", Base64URL.encode(x.span)),
                ("y", Base64URL.encode(y.span)),
            ]
        case .edwards(let curve, let x):
            [("crv", curve.rawValue), ("kty", "OKP"), ("x", Base64URL.encode(x.span))]
        }
    }

    /// SHA-256 thumbprint of the key (RFC 7638): the same for every JWK of this key.
    public var thumbprint: Digest256 {
        var writer = JSONWriter()
        writer.object { writer in
            for member in jwkMembers { writer.member(member.name, member.value) }
        }
        let text = writer.finish()
        return SHA256.digest(of: text.span)
    }
}

extension JSONObject {
    /// The string called `name`, which a key cannot do without.
    fileprivate func keyString(_ name: StaticString) throws(KeyRefusal) -> String {
        guard let string = self["\(name)"]?.string else { throw KeyRefusal(.memberInvalid, "\(name)") }
        return string
    }

    /// The bytes that the member called `name` encodes, which a key cannot do without.
    fileprivate func keyBytes(_ name: StaticString) throws(KeyRefusal) -> [UInt8] {
        guard let bytes = Base64URL.decode(try keyString(name)) else {
            throw KeyRefusal(.memberInvalid, "\(name)")
        }
        return bytes
    }
}
