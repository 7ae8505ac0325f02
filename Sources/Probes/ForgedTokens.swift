// Tokens that nobody issued, made to be refused.

internal import Bytes
internal import JOSE
internal import JSON
internal import OpenSSL
internal import Policy

/// Makes tokens that look as good as they can without a key of the issuer.
struct ForgedTokens: Sendable {
    private let issuer: Issuer
    private let signer: TokenSigner

    /// One token.
    struct Token {
        /// What it is, with its article.
        let name: String
        let text: String
    }

    /// Makes a key on the spot, of a kind that the issuer may sign with; nil if the library fails.
    ///
    /// - Parameters:
    ///   - issuer: The issuer whose tokens these seem to be.
    ///   - keySet: Its keys: a token that names one of them is judged at once, one that names none sends the gateway to
    ///     fetch them anew.
    init?(of issuer: Issuer, keySet: KeySet?) {
        let algorithms = SignatureAlgorithm.allCases.filter(issuer.rules.algorithms.contains)
        let named = keySet?.keys.lazy.compactMap { key in
            algorithms.first { key.fits($0) }.map { (algorithm: $0, keyID: key.keyID) }
        }.first
        guard let algorithm = named?.algorithm ?? algorithms.first,
            let key = try? SigningKey(generating: algorithm.keyKind),
            let signer = TokenSigner(key: key, algorithm: algorithm, keyID: named?.keyID)
        else { return nil }
        self.issuer = issuer
        self.signer = signer
    }

    /// The tokens for a route, which must all be refused there.
    ///
    /// - Parameters:
    ///   - route: Their audience and scopes.
    ///   - now: Seconds since the Unix epoch.
    func tokens(for route: Route, now: Int) -> [Token] {
        let claims = claims(for: route, now: now)
        var unsigned: [Token] = []
        var writer = JSONWriter()
        writer.object { writer in
            writer.member("alg", "none")
            writer.member("typ", "at+jwt")
        }
        let header = writer.finish()
        let text = "\(Base64URL.encode(header.span)).\(Base64URL.encode(claims.span))."
        unsigned.append(Token(name: "a token without a signature", text: text))
        guard let signed = try? signer.sign(claims.span, type: "at+jwt") else { return unsigned }
        return [Token(name: "a token signed with a key made for this check", text: signed)] + unsigned
    }

    private func claims(for route: Route, now: Int) -> [UInt8] {
        var writer = JSONWriter()
        writer.object { writer in
            writer.member("iss", issuer.rules.issuer)
            writer.member("sub", "audgate-check")
            writer.member("client_id", "audgate-check")
            writer.member("aud", route.resource.text)
            writer.member("iat", now)
            writer.member("exp", now + 60)
            writer.member("jti", Base64URL.encode(SecureRandom.bytes(count: 12).span))
            writer.member("scope", route.scopes.joined(separator: " "))
        }
        let text = writer.finish()
        return Array(copying: text.span)
    }
}

extension SignatureAlgorithm {
    /// A kind of key that fits.
    fileprivate var keyKind: KeyKind {
        switch self {
        case .rs256, .rs384, .rs512, .ps256, .ps384, .ps512: .rsa
        case .es256: .ellipticCurve(.p256)
        case .es384: .ellipticCurve(.p384)
        case .es512: .ellipticCurve(.p521)
        case .eddsa, .ed25519: .edwards(.ed25519)
        case .ed448: .edwards(.ed448)
        }
    }
}
