// Access tokens as signed JWTs, and the key set that proves them.

internal import Bytes
internal import JSON
internal import OpenSSL

/// Makes access tokens of RFC 9068, signed with ES256 by one key that lives as long as the process.
struct TokenIssuer: Sendable {
    /// Seconds that an access token is valid.
    static let lifetime = 600

    private let issuer: String
    private let key: SigningKey
    private let x: String
    private let y: String

    /// Makes an issuer called `issuer` that signs with `key`, nil if that is no P-256 key.
    init?(issuer: String, key: SigningKey) {
        guard case .ellipticCurve(.p256, let x, let y) = key.publicMaterial else { return nil }
        self.issuer = issuer
        self.key = key
        self.x = Base64URL.encode(x.span)
        self.y = Base64URL.encode(y.span)
    }

    /// The public half of the key (RFC 7517).
    var keySet: ExchangeResponse {
        .json(200) { writer in
            writer.object { writer in
                writer.name("keys")
                writer.array { writer in
                    writer.object { writer in
                        writer.member("kty", "EC")
                        writer.member("crv", "P-256")
                        writer.member("x", x)
                        writer.member("y", y)
                        writer.member("use", "sig")
                        writer.member("alg", "ES256")
                        writer.member("kid", keyID)
                    }
                }
            }
        }
    }

    /// A token that says `grant`, whose `aud` is the grant's resource and nothing else.
    func accessToken(
        for grant: AccessGrant,
        at now: Int,
        identifier: String
    ) throws(OAuthError) -> String {
        let header = jsonBytes { writer in
            writer.object { writer in
                writer.member("alg", "ES256")
                writer.member("typ", "at+jwt")
                writer.member("kid", keyID)
            }
        }
        let claims = jsonBytes { writer in
            writer.object { writer in
                writer.member("iss", issuer)
                writer.member("aud", grant.resource)
                writer.member("sub", grant.subject)
                writer.member("client_id", grant.clientID)
                if !grant.scopes.isEmpty { writer.member("scope", grant.scopes.joined(separator: " ")) }
                writer.member("iat", now)
                writer.member("exp", now + Self.lifetime)
                writer.member("jti", identifier)
            }
        }
        let message = Base64URL.encode(header.span) + "." + Base64URL.encode(claims.span)
        guard let signature = try? key.signature(of: message.octets.span, by: .ecdsa(.sha256)) else {
            throw OAuthError(.serverError, "the token could not be signed")
        }
        return message + "." + Base64URL.encode(signature.span)
    }

    /// The key's name: its thumbprint (RFC 7638).
    private var keyID: String {
        let canonical = jsonBytes { writer in
            writer.object { writer in
                writer.member("crv", "P-256")
                writer.member("kty", "EC")
                writer.member("x", x)
                writer.member("y", y)
            }
        }
        return Base64URL.encode(SHA256.digest(of: canonical.span).bytes.span)
    }
}
