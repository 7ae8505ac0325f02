// Tokens that nobody issued, made to be refused.

internal import Bytes
internal import JOSE
internal import JSON
internal import OpenSSL
internal import Policy

/// Makes tokens that look as good as they can without a key of the issuer.
struct ForgedTokens: Sendable {
    /// One token.
    struct Token {
        /// What it is, with its article.
        let name: String
        let text: String
    }

    private let issuer: Issuer
    /// Nil where no key of the issuer is known to whose name a signature could be put.
    private let forger: Forger?

    /// A key made on the spot, under the name of one of the issuer's.
    private struct Forger: Sendable {
        let signer: TokenSigner
        let keyID: String?
    }

    /// Gets ready.
    ///
    /// - Parameters:
    ///   - issuer: The issuer whose tokens these seem to be.
    ///   - keySet: Its keys. A signature under a name that is not among them would prove less, and would send the gateway
    ///     to fetch them anew.
    init(of issuer: Issuer, keySet: KeySet?) {
        self.issuer = issuer
        let algorithms = SignatureAlgorithm.allCases.filter(issuer.rules.algorithms.contains)
        forger =
            keySet?.keys.lazy.compactMap { victim in
                guard let algorithm = algorithms.first(where: victim.fits),
                    let key = try? SigningKey(generating: victim.kind),
                    let signer = TokenSigner(key: key, algorithm: algorithm)
                else { return nil }
                return Forger(signer: signer, keyID: victim.keyID)
            }.first
    }

    /// The tokens for a route, at least one; all of them must be refused there.
    ///
    /// - Parameters:
    ///   - route: Their audience and scopes.
    ///   - now: Seconds since the Unix epoch.
    func tokens(for route: Route, now: Int) -> [Token] {
        let claims = claims(for: route, now: now)
        let header = Self.header("none", keyID: nil)
        let unsigned = Token(
            name: "a token without a signature",
            text: "\(Base64URL.encode(header.span)).\(Base64URL.encode(claims.span))."
        )
        guard let forger else { return [unsigned] }
        let named = Self.header(forger.signer.algorithm.rawValue, keyID: forger.keyID)
        guard let text = try? forger.signer.sign(claims.span, header: named.span) else { return [unsigned] }
        return [Token(name: "a token signed with a key made for this check", text: text), unsigned]
    }

    private static func header(_ algorithm: String, keyID: String?) -> [UInt8] {
        var writer = JSONWriter()
        writer.object { writer in
            writer.member("alg", algorithm)
            writer.member("typ", "at+jwt")
            if let keyID { writer.member("kid", keyID) }
        }
        let text = writer.finish()
        return Array(copying: text.span)
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
