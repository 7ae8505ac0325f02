// The decision table of token checks: one change of a good token a row.

import Bytes
import JOSE
import JSON
import OpenSSL
import Testing

/// A change of a good token, and what is said of it.
struct TokenRow: CustomTestStringConvertible, Sendable {
    let what: String
    var header: Members = [:]
    var claims: Members = [:]
    let reason: TokenRefusal.Reason
    var name: String?

    var testDescription: String { what }
}

@Suite struct TokenVerifierTests {
    static let now = TokenIssuer.now

    @Test func `accepts a token of RFC 9068 and keeps its claims`() throws {
        let issuer = try TokenIssuer()
        let text = try issuer.token(claims: ["nbf": "\(Self.now).5", "aud": #"["a","b"]"#, "scp": #"["x"]"#])
        let rules = TokenRules(issuer: TokenIssuer.name, tokenType: .accessToken, maximumLifetime: 300)
        let token = try TokenVerifier.verify(
            UnverifiedToken(text.utf8Span.span),
            keys: issuer.keys,
            rules: rules,
            now: Self.now
        )
        #expect(token.issuer == TokenIssuer.name)
        #expect(token.subject == "alice")
        #expect(token.clientID == "client")
        #expect(token.audiences == ["a", "b"])
        #expect(token.scopes == ["notion.read", "notion.write", "x"])
        #expect(token.expiry == Self.now + 300)
        #expect(token.notBefore == Self.now + 1)
        #expect(token.issuedAt == Self.now)
        #expect(token.tokenID == "1")
        #expect(token.key === issuer.keys.keys.first)
        #expect(!token.isSenderConstrained)
    }

    @Test(arguments: headerRows + claimRows)
    func `refuses a token with a fault in it`(row: TokenRow) throws {
        let issuer = try TokenIssuer()
        let refusal = issuer.refusal(of: try issuer.token(header: row.header, claims: row.claims))
        #expect(refusal == TokenRefusal(row.reason, row.name))
    }

    static let headerRows: [TokenRow] = [
        .init(what: "alg none", header: ["alg": "\"none\""], reason: .algorithmNotAllowed),
        .init(what: "alg None", header: ["alg": "\"None\""], reason: .algorithmNotAllowed),
        .init(what: "alg HS256", header: ["alg": "\"HS256\""], reason: .algorithmNotAllowed),
        .init(what: "alg es256", header: ["alg": "\"es256\""], reason: .algorithmNotAllowed),
        .init(what: "alg not in the list", header: ["alg": "\"ES384\""], reason: .algorithmNotAllowed),
        .init(what: "alg for another key", header: ["alg": "\"RS256\""], reason: .algorithmKeyMismatch),
        .init(what: "no alg", header: ["alg": nil], reason: .headerInvalid, name: "alg"),
        .init(what: "alg a number", header: ["alg": "5"], reason: .headerInvalid, name: "alg"),
        .init(what: "kid a number", header: ["kid": "1"], reason: .headerInvalid, name: "kid"),
        .init(what: "kid null", header: ["kid": "null"], reason: .headerInvalid, name: "kid"),
        .init(what: "unknown kid", header: ["kid": "\"k2\""], reason: .unknownKey),
        .init(what: "empty kid", header: ["kid": "\"\""], reason: .unknownKey),
        .init(what: "crit", header: ["crit": "[\"exp2\"]"], reason: .criticalHeader),
        .init(what: "empty crit", header: ["crit": "[]"], reason: .criticalHeader),
        .init(
            what: "b64 with crit",
            header: ["b64": "false", "crit": "[\"b64\"]"],
            reason: .criticalHeader
        ),
        .init(what: "b64", header: ["b64": "true"], reason: .headerNotAllowed, name: "b64"),
        .init(what: "zip", header: ["zip": "\"DEF\""], reason: .headerNotAllowed, name: "zip"),
        .init(what: "enc", header: ["enc": "\"A128GCM\""], reason: .headerNotAllowed, name: "enc"),
        .init(what: "jwk", header: ["jwk": "{}"], reason: .headerNotAllowed, name: "jwk"),
        .init(
            what: "jku",
            header: ["jku": "\"https://evil.example\""],
            reason: .headerNotAllowed,
            name: "jku"
        ),
        .init(
            what: "x5u",
            header: ["x5u": "\"https://evil.example\""],
            reason: .headerNotAllowed,
            name: "x5u"
        ),
        .init(what: "x5c", header: ["x5c": "[]"], reason: .headerNotAllowed, name: "x5c"),
        .init(what: "typ JWT", header: ["typ": "\"JWT\""], reason: .typeNotAllowed),
        .init(what: "no typ", header: ["typ": nil], reason: .typeNotAllowed),
        .init(what: "typ a list", header: ["typ": "[\"at+jwt\"]"], reason: .headerInvalid, name: "typ"),
    ]

    static func badValues(of names: [String], _ values: [String]) -> [TokenRow] {
        names.flatMap { name in
            values.map { value in
                TokenRow(what: name + " " + value, claims: [name: value], reason: .claimInvalid, name: name)
            }
        }
    }

    static let claimRows: [TokenRow] =
        ["iss", "exp", "aud", "sub", "client_id", "iat", "jti"].map { name in
            .init(what: "no \(name)", claims: [name: nil], reason: .claimMissing, name: name)
        }
        + badValues(
            of: ["iss", "aud", "sub", "client_id", "azp", "jti", "scope", "scp", "exp", "nbf", "iat", "cnf"],
            ["5e300", "true", "null", "[5]"]
        )
        + badValues(
            of: ["iss", "sub", "client_id", "azp", "jti", "exp", "nbf", "iat"],
            ["{}", "[]", #"["a"]"#]
        )
        + badValues(of: ["exp", "nbf", "iat"], ["-1", "1e12", #""1800000300""#, "253402300800"])
        + badValues(of: ["aud"], ["[]", #""""#, #"[""]"#, #"["a",5]"#, #"["a",null]"#, "{}", "5"])
        + [
            .init(
                what: "33 audiences",
                claims: ["aud": "[" + [String](repeating: "\"a\"", count: 33).joined(separator: ",") + "]"],
                reason: .claimInvalid,
                name: "aud"
            ),
            .init(what: "empty sub", claims: ["sub": "\"\""], reason: .claimInvalid, name: "sub"),
            .init(
                what: "long sub",
                claims: ["sub": "\"" + String(repeating: "a", count: 2049) + "\""],
                reason: .claimInvalid,
                name: "sub"
            ),
            .init(what: "cnf a string", claims: ["cnf": "\"\""], reason: .claimInvalid, name: "cnf"),
            .init(what: "iss of another", claims: ["iss": "\"https://b.example\""], reason: .issuerMismatch),
            .init(what: "iss and slash", claims: ["iss": "\"https://as.example/\""], reason: .issuerMismatch),
            .init(
                what: "iss in capitals",
                claims: ["iss": "\"HTTPS://as.example\""],
                reason: .issuerMismatch
            ),
            .init(
                what: "iss that only looks alike",
                claims: ["iss": "\"https://as.examp\u{2113}e\""],
                reason: .issuerMismatch
            ),
            .init(what: "expired", claims: ["exp": "\(now - 61)", "iat": "\(now - 99)"], reason: .expired),
            .init(what: "exp plus skew is now", claims: ["exp": "\(now - 30)"], reason: .expired),
            .init(what: "exp plus skew is just past", claims: ["exp": "\(now - 30).9"], reason: .expired),
            .init(what: "exp of zero", claims: ["exp": "0"], reason: .expired),
            .init(what: "nbf ahead", claims: ["nbf": "\(now + 600)"], reason: .notYetValid),
            .init(what: "nbf just ahead", claims: ["nbf": "\(now + 30).1"], reason: .notYetValid),
            .init(what: "iat ahead", claims: ["iat": "\(now + 600)"], reason: .issuedInFuture),
        ]

    @Test(
        arguments: [
            ["exp": "\(now - 29)"], ["nbf": "\(now + 30)"], ["iat": "\(now + 30)"], ["exp": "1.8000003e9"],
            ["scope": nil], ["scope": "\"\""], ["scp": "\"a b\""], ["azp": "\"x\""], ["nonce": "\"n\""],
            ["extra": "{}"],
        ] as [Members]
    )
    func `accepts a token within the bounds`(claims: Members) throws {
        let issuer = try TokenIssuer()
        #expect(issuer.refusal(of: try issuer.token(claims: claims)) == nil)
    }

    @Test(arguments: ["at+jwt", "AT+JWT", "application/at+jwt", "application/AT+JWT", "Application/At+Jwt"])
    func `accepts the access token type in any case`(type: String) throws {
        let issuer = try TokenIssuer()
        #expect(issuer.refusal(of: try issuer.token(header: ["typ": "\"\(type)\""])) == nil)
    }

    @Test(arguments: [
        "", "dpop+jwt", "logout+jwt", "oauth-id-jag+jwt", "token-introspection+jwt", "application/dpop+jwt",
        "JOSE",
        "secevent+jwt", "at+jwt ", "text/at+jwt", "application/application/at+jwt", "at+jwt;x=y",
    ])
    func `never accepts another type`(type: String) throws {
        let issuer = try TokenIssuer()
        let token = try issuer.token(header: ["typ": "\"\(type)\""])
        for rules in [TokenIssuer.strictRules, TokenIssuer.looseRules] {
            #expect(issuer.refusal(of: token, rules: rules) == TokenRefusal(.typeNotAllowed))
        }
    }

    @Test(arguments: [nil, "\"JWT\"", "\"jwt\"", "\"application/jwt\"", "\"at+jwt\""])
    func `accepts a plain JWT where that is configured`(type: String?) throws {
        let issuer = try TokenIssuer()
        let token = try issuer.token(
            header: ["typ": type],
            claims: ["sub": nil, "jti": nil, "iat": nil, "client_id": nil]
        )
        #expect(issuer.refusal(of: token, rules: TokenIssuer.looseRules) == nil)
    }

    @Test(
        arguments: [
            (["client_id": nil, "scope": nil], nil),
            (["nonce": "\"n\""], "nonce"), (["at_hash": "\"n\"", "azp": "\"c\""], "at_hash"),
            (["c_hash": "5"], "c_hash"), (["s_hash": "\"n\""], "s_hash"),
            (["typ": "\"ID\"", "azp": "\"c\""], "typ"), (["typ": "\"Refresh\""], "typ"),
            (["events": "{}"], "events"), (["token_introspection": "{}"], "token_introspection"),
            (["htm": "\"POST\""], "htm"),
        ] as [(Members, String?)]
    )
    func `never accepts an ID token or another kind of token`(claims: Members, name: String?) throws {
        let issuer = try TokenIssuer()
        let token = try issuer.token(header: ["typ": "\"JWT\""], claims: claims)
        let refusal = issuer.refusal(of: token, rules: TokenIssuer.looseRules)
        #expect(refusal == TokenRefusal(.notAccessToken, name))
    }

    @Test func `bounds the lifetime where that is configured`() throws {
        let issuer = try TokenIssuer()
        let rules = TokenRules(issuer: TokenIssuer.name, maximumLifetime: 300)
        #expect(issuer.refusal(of: try issuer.token(), rules: rules) == nil)
        let long = try issuer.token(claims: ["exp": "\(Self.now + 301)"])
        #expect(issuer.refusal(of: long, rules: rules) == TokenRefusal(.lifetimeTooLong))
        let undated = try issuer.token(claims: ["iat": nil])
        #expect(issuer.refusal(of: undated, rules: rules) == TokenRefusal(.claimMissing, "iat"))
    }

    @Test func `reports a sender constraint`() throws {
        let issuer = try TokenIssuer()
        let text = try issuer.token(claims: ["cnf": "{}"])
        let token = try TokenVerifier.verify(
            UnverifiedToken(text.utf8Span.span),
            keys: issuer.keys,
            rules: TokenIssuer.strictRules,
            now: Self.now
        )
        #expect(token.isSenderConstrained)
    }

    @Test func `refuses a token signed by somebody else under the same name`() throws {
        let issuer = try TokenIssuer()
        let token = try TokenIssuer().token()
        #expect(issuer.refusal(of: token) == TokenRefusal(.signatureInvalid))
    }

    @Test func `refuses a token with any one character changed`() throws {
        let issuer = try TokenIssuer()
        let text = Array(try issuer.token().utf8)
        let characters = Array("Ab0_-.=+ \"{}\u{00}\u{7F}".utf8) + [0x80, 0xFF]
        for index in text.indices {
            for character in characters where text[index] != character {
                var changed = text
                changed[index] = character
                #expect(issuer.refusal(of: changed) != nil)
            }
        }
        for count in 0..<text.count { #expect(issuer.refusal(of: Array(text.prefix(count))) != nil) }
    }

    @Test func `takes the example of RFC 9068 for what it is`() throws {
        let header = #"{"typ":"at+JWT","alg":"RS256","kid":"RjEwOwOA"}"#
        let claims = """
            {"iss": "https://authorization-server.example.com/", "sub": "5ba552d67", "aud": \
            "https://rs.example.com/", "exp": 1639528912, "iat": 1618354090, "jti" : \
            "dbe39bf3a3ba4238a513f51d6e1691c4", "client_id": "s6BhdRkqt3", "scope": "openid profile reademail"}
            """
        let key = try SigningKey(generating: .rsa)
        let signer = try #require(TokenSigner(key: key, algorithm: .rs256, keyID: "RjEwOwOA"))
        let text = try signer.sign(claims.utf8Span.span, header: header.utf8Span.span)
        let token = try TokenVerifier.verify(
            UnverifiedToken(text.utf8Span.span),
            keys: KeySet(("{\"keys\":[" + signer.publicJWK + "]}").utf8Span.span),
            rules: TokenRules(issuer: "https://authorization-server.example.com/", tokenType: .accessToken),
            now: 1_618_354_100
        )
        #expect(token.audiences == ["https://rs.example.com/"])
        #expect(token.scopes == ["openid", "profile", "reademail"])
    }
}
