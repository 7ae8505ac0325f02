// A configuration with two routes and an issuer whose keys the tests have.

import Bytes
import Configuration
import JOSE
import OpenSSL
import Policy
import Proxy
import Testing

@testable import Probes

/// Routes /files and /calendar of one issuer.
struct Sample {
    static let files = RouteID(0)
    static let calendar = RouteID(1)
    static let now: Int64 = 1_800_000_000

    let snapshot: Snapshot
    let signer: TokenSigner
    let keySet: KeySet

    struct WrongKey: Error {}

    init(algorithms: String = "\"ES256\", \"RS256\"", upstream: String = "\"http://127.0.0.1:3001/mcp\"")
        throws
    {
        let text = """
            {
              "listeners": [ { "address": "127.0.0.1:8080" } ],
              "issuers": {
                "corp": { "issuer": "https://login.example.com", "keys": { "file": "keys.json" },
                          "algorithms": [\(algorithms)], "max_token_lifetime": "1h" }
              },
              "routes": [
                { "resource": "https://mcp.example.com/files", "issuer": "corp", "scopes": ["files:read"],
                  "upstream": \(upstream) },
                { "resource": "https://mcp.example.com/calendar", "issuer": "corp",
                  "upstream": "http://127.0.0.1:3002/mcp" }
              ]
            }
            """
        let source = ConfigurationSource(name: "gateway.json", text: text.octets)
        snapshot = try ConfigurationLoader.compile(source).snapshot
        let key = try SigningKey(generating: .ellipticCurve(.p256))
        guard let signer = TokenSigner(key: key, algorithm: .es256, keyID: "k1") else { throw WrongKey() }
        self.signer = signer
        keySet = try KeySet("{\"keys\":[\(signer.publicJWK)]}".octets.span)
    }

    var answers: PublicAnswers {
        PublicAnswers(route: snapshot.route(Self.files), issuers: ["https://login.example.com"])
    }

    /// A token for `audience`, a JSON value.
    func token(for audience: String, expires: Int64 = now + 600) throws -> [UInt8] {
        let claims = """
            {"iss": "https://login.example.com", "sub": "alice", "client_id": "c", "aud": \(audience), "jti": "1",
             "iat": \(Self.now - 10), "exp": \(expires), "scope": "files:read"}
            """
        return try signer.sign(claims.octets.span, type: "at+jwt").octets
    }

    func explain(_ token: [UInt8], at route: RouteID) -> TokenExplanation {
        TokenExplanation(token.span, at: route, in: snapshot, keys: .success(keySet), now: Self.now)
    }
}
