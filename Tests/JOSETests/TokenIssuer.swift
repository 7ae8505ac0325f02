// An issuer for tests: its key, its key set, and tokens with chosen members.

import Bytes
import JOSE
import OpenSSL

/// Members of a JSON object, name and JSON text of the value; nil takes the member away.
typealias Members = KeyValuePairs<String, String?>

/// An issuer with one ES256 key.
struct TokenIssuer: Sendable {
    static let name = "https://as.example"
    static let now: Int64 = 1_800_000_000

    let signer: TokenSigner
    let keys: KeySet

    init() throws {
        let key = try SigningKey(generating: .ellipticCurve(.p256))
        guard let signer = TokenSigner(key: key, algorithm: .es256, keyID: "k1") else { throw WrongKey() }
        self.signer = signer
        keys = try KeySet(("{\"keys\":[" + signer.publicJWK + "]}").utf8Span.span)
    }

    struct WrongKey: Error {}

    /// A good RFC 9068 token, but for the members given.
    func token(header: Members = [:], claims: Members = [:]) throws -> String {
        let header = Self.object(
            [("alg", "\"ES256\""), ("typ", "\"at+jwt\""), ("kid", "\"k1\"")],
            header
        )
        let claims = Self.object(
            [
                ("iss", "\"\(Self.name)\""), ("sub", "\"alice\""), ("aud", "\"https://gw.example/notion\""),
                ("client_id", "\"client\""), ("jti", "\"1\""), ("iat", "\(Self.now)"),
                ("exp", "\(Self.now + 300)"), ("scope", "\"notion.read notion.write\""),
            ],
            claims
        )
        return try signer.sign(claims.utf8Span.span, header: header.utf8Span.span)
    }

    /// The refusal of `token`, nil if it is accepted.
    func refusal(
        of token: String,
        rules: TokenRules = Self.strictRules,
        now: Int64 = Self.now
    ) -> TokenRefusal? {
        refusal(of: Array(token.utf8), rules: rules, now: now)
    }

    /// The refusal of `token`, which need not be text.
    func refusal(
        of token: [UInt8],
        rules: TokenRules = Self.strictRules,
        now: Int64 = Self.now
    ) -> TokenRefusal? {
        do throws(TokenRefusal) {
            let token = try UnverifiedToken(token.span)
            _ = try TokenVerifier.verify(token, keys: keys, rules: rules, now: now)
            return nil
        } catch {
            return error
        }
    }

    static let strictRules = TokenRules(issuer: name, tokenType: .accessToken)
    static let looseRules = TokenRules(issuer: name, tokenType: .any)

    private static func object(_ base: [(String, String)], _ changes: Members) -> String {
        let kept = base.filter { member in !changes.contains { $0.key == member.0 } }
        let added = changes.compactMap { change in change.value.map { (change.key, $0) } }
        return "{" + (kept + added).map { "\"\($0.0)\":\($0.1)" }.joined(separator: ",") + "}"
    }
}
