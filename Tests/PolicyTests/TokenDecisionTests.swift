// The numbered cases of tokens, audiences and scopes that the head decides (17 to 52, 59, 79, 80).

import Bytes
import JOSE
import Testing

@testable import Policy

/// A case: its number, how the token differs from a good one, and the expected reason code.
struct TokenCase: Sendable, CustomTestStringConvertible {
    let number: String
    var header: [(String, String?)] = []
    var claims: [(String, String?)] = []
    let code: String

    var testDescription: String { "case \(number): \(code)" }

    static func header(_ number: String, _ name: String, _ value: String?, _ code: String) -> TokenCase {
        TokenCase(number: number, header: [(name, value)], code: code)
    }

    static func claim(_ number: String, _ name: String, _ value: String?, _ code: String) -> TokenCase {
        TokenCase(number: number, claims: [(name, value)], code: code)
    }

    private static let now = Gateway.now

    static let all: [TokenCase] = [
        claim("23", "exp", "\(now - 91)", "expired"),
        claim("23 at the edge", "exp", "\(now - 30)", "expired"),
        claim("23 within the skew", "exp", "\(now - 29)", "allowed"),
        claim("24", "nbf", "\(now + 600)", "not_yet_valid"),
        claim("24 iat", "iat", "\(now + 600)", "issued_in_future"),
        claim("25", "iss", "\"https://evil.example\"", "issuer_unknown"),
        claim("25 slash", "iss", "\"https://as.example/\"", "issuer_unknown"),
        claim("25 missing", "iss", nil, "issuer_unknown"),
        claim("25 of another route", "iss", "\"https://partner.example\"", "issuer_unknown"),
        claim("26", "aud", nil, "claim_missing"),
        claim("27", "aud", "\"https://gw.example/a/b/mcp\"", "aud_other_route"),
        claim("28", "aud", "\"https://gw.example\"", "aud_near_miss"),
        claim("29 child", "aud", "\"https://gw.example/notion/x\"", "aud_near_miss"),
        claim("29 prefix", "aud", "\"https://gw.example/notionx\"", "aud_mismatch"),
        claim("29 slash", "aud", "\"https://gw.example/notion/\"", "aud_near_miss"),
        claim("29 case", "aud", "\"https://gw.example/Notion\"", "aud_near_miss"),
        claim("29 escape", "aud", "\"https://gw.example/%6eotion\"", "aud_near_miss"),
        claim("30", "aud", "\"HTTPS://GW.EXAMPLE:443/notion\"", "aud_near_miss"),
        claim(
            "31",
            "aud",
            "[\"https://other.example\",\"https://gw.example/notion\"]",
            "aud_not_exclusive"
        ),
        claim(
            "31 twice the same",
            "aud",
            "[\"https://gw.example/notion\",\"https://gw.example/notion\"]",
            "allowed"
        ),
        claim(
            "31 two routes",
            "aud",
            "[\"https://gw.example/notion\",\"https://gw.example/sub\"]",
            "aud_not_exclusive"
        ),
        claim(
            "31 not this issuer's",
            "aud",
            "[\"https://gw.example/notion\",\"account\"]",
            "aud_not_exclusive"
        ),
        claim("32", "aud", "[]", "claim_invalid"), claim("32 number", "aud", "5", "claim_invalid"),
        claim("32 list of numbers", "aud", "[5]", "claim_invalid"),
        claim("32 null", "aud", "null", "claim_invalid"),
        claim("32 empty", "aud", "\"\"", "claim_invalid"),
        claim("32 mixed", "aud", "[\"https://gw.example/notion\",5]", "claim_invalid"),
        header("33", "alg", "\"none\"", "algorithm_not_allowed"),
        header("34", "alg", "\"HS256\"", "algorithm_not_allowed"),
        header("35", "alg", "\"RS256\"", "algorithm_key_mismatch"),
        header("36 jwk", "jwk", "{}", "header_not_allowed"),
        header("36 jku", "jku", "\"https://evil.example\"", "header_not_allowed"),
        header("36 x5u", "x5u", "\"https://evil.example\"", "header_not_allowed"),
        header("37", "kid", "\"unknown\"", "unknown_key"),
        header("39", "crit", "[\"exp2\"]", "critical_header"),
        header("39 empty", "crit", "[]", "critical_header"),
        header("40 b64", "b64", "false", "header_not_allowed"),
        header("40 zip", "zip", "\"DEF\"", "header_not_allowed"),
        header("42", "typ", "\"JWT\"", "type_not_allowed"),
        header("42 id-jag", "typ", "\"oauth-id-jag+jwt\"", "type_not_allowed"),
        header("42 introspection", "typ", "\"token-introspection+jwt\"", "type_not_allowed"),
        header("42 dpop", "typ", "\"dpop+jwt\"", "type_not_allowed"),
        header("43", "typ", "\"application/AT+JWT\"", "allowed"),
        claim("44 sub", "sub", nil, "claim_missing"), claim("44 exp", "exp", nil, "claim_missing"),
        claim("44 client_id", "client_id", nil, "claim_missing"),
        claim("44 iat", "iat", nil, "claim_missing"), claim("44 jti", "jti", nil, "claim_missing"),
        header("without kid", "kid", nil, "allowed"),
        claim("59", "cnf", "{\"jkt\":\"x\"}", "sender_constrained"),
        claim("71", "scope", "\"notion.admin\"", "allowed"),
        claim("71 one step", "scope", "\"notion.write other\"", "allowed"),
        claim("79", "scope", nil, "insufficient_scope"),
        claim("79 other", "scope", "\"notion.rea NOTION.READ\"", "insufficient_scope"),
    ]
}

@Suite struct `A decision on a token` {
    let gateway: Gateway

    init() throws { gateway = try Gateway() }

    private func token(_ row: TokenCase) throws -> String {
        func members(_ list: [(String, String?)]) -> Members {
            list.isEmpty ? [:] : [list[0].0: list[0].1]
        }
        return try gateway.token(header: members(row.header), claims: members(row.claims))
    }

    @Test(arguments: TokenCase.all)
    func `has the reason, the status and the challenge of its class`(_ row: TokenCase) throws {
        let (outcome, isSteady) = try gateway.decide(Gateway.post(token: try token(row)))
        #expect(outcome.code == row.code)
        #expect(isSteady, "the cache or a change of keys made a difference")
        switch row.code {
        case "allowed":
            #expect(outcome.permitted == 0)
        case "insufficient_scope":
            #expect(outcome.status == 403)
            #expect(
                outcome.challenges == [
                    "Bearer error=\"insufficient_scope\", scope=\"notion.read\", resource_metadata=\"\(Gateway.metadata)\", "
                        + "error_description=\"The request needs an additional scope\""
                ]
            )
        default:
            #expect(outcome.status == 401)
            #expect(
                outcome.challenges.first?.hasPrefix(
                    "Bearer error=\"invalid_token\", scope=\"notion.read\", resource_metadata=\"\(Gateway.metadata)\", "
                ) == true
            )
        }
        #expect(outcome.permitted != nil || outcome.challenges.allSatisfy(ChallengeGrammar.isValid))
    }

    /// Credentials as written, for a good token `T`; the reason, and the error of the challenge.
    @Test(
        arguments: [
            ("17", nil, "", "no_credentials", nil), ("19", "Bearer", "", "no_credentials", nil),
            ("19 blanks", "Bearer    ", "", "no_credentials", nil),
            ("20", "Basic dTpw", "", "scheme_unsupported", nil),
            ("20 DPoP", "DPoP T", "", "scheme_unsupported", nil),
            ("20 glued", "BearerT", "", "scheme_unsupported", nil),
            ("21", "bEaReR T", "", "allowed", nil), ("21 blanks", "Bearer   T", "", "allowed", nil),
            ("22", "Bearer not.a.jwt", "", "token_malformed", "invalid_token"),
            ("22 two parts", "Bearer a.b", "", "token_malformed", "invalid_token"),
            ("22 escapes", "Bearer %%%", "", "token_malformed", "invalid_token"),
            ("40 five parts", "Bearer a.b.c.d.e", "", "token_encrypted", "invalid_token"),
            ("41 padding", "Bearer T=", "", "token_malformed", "invalid_token"),
            ("41 plus", "Bearer T+", "", "token_malformed", "invalid_token"),
            ("41 tab", "Bearer T\tx", "", "token_malformed", "invalid_token"),
            ("46", nil, "?access_token=T", "token_in_query", nil),
            ("46 second", nil, "?a=b&ACCESS_TOKEN=T", "token_in_query", nil),
            ("47", "Bearer T", "?access_token=T", "multiple_credentials", "invalid_request"),
            ("48 list", "Bearer a, Bearer b", "", "multiple_credentials", "invalid_request"),
            ("48 commas", "Bearer a,b", "", "multiple_credentials", "invalid_request"),
        ] as [(String, String?, String, String, String?)]
    )
    func `depends on credentials in their one place`(
        _ number: String,
        _ value: String?,
        _ query: String,
        _ code: String,
        _ error: String?
    ) throws {
        let token = try gateway.token()
        let filled = value.map { $0.replacing("T", with: token) }
        for method in ["POST", "GET", "DELETE"] {
            let text = Gateway.post(
                "/notion" + query.replacing("=T", with: "=" + token),
                method: method,
                fields: filled.map { ["Authorization: \($0)"] } ?? []
            )
            let (outcome, isSteady) = try gateway.decide(text)
            #expect(outcome.code == code, "case \(number)")
            #expect(isSteady)
            guard code != "allowed" else { continue }
            #expect(outcome.status == (error == "invalid_request" ? 400 : 401))
            let challenge = try #require(outcome.challenges.first)
            #expect(ChallengeGrammar.isValid(challenge))
            #expect(challenge.contains("error=") == (error != nil))
            if let error { #expect(challenge.contains("error=\"\(error)\"")) }
            #expect(!outcome.body.contains(token) && !challenge.contains(token))
        }
    }

    @Test func `48: refuses two Authorization fields, 50: and a token beyond its limit`() throws {
        let token = try gateway.token()
        let twice = Gateway.post(token: token, fields: ["Authorization: Bearer \(token)"])
        #expect(try gateway.decide(twice).outcome.status == 400)
        let huge = Gateway.post(token: String(repeating: "a", count: 20_480))
        #expect(try gateway.decide(huge).outcome.status == 431)
    }

    @Test func `41: refuses a token of which one byte was changed, wherever it is`() throws {
        let token = Array(try gateway.token().utf8)
        var accepted = 0
        var cache = TokenCache(capacity: 4, subjectKey: [1].span)
        _ = gateway.decide(Gateway.post(token: String(decoding: token, as: UTF8.self)), tokens: &cache)
        for index in token.indices {
            var changed = token
            changed[index] = changed[index] == UInt8(ascii: "A") ? UInt8(ascii: "B") : UInt8(ascii: "A")
            let text = Gateway.post(token: String(decoding: changed, as: UTF8.self))
            if gateway.decide(text, tokens: &cache).permitted != nil { accepted += 1 }
        }
        #expect(accepted == 0)
    }

    @Test func `72: names all missing scopes in one challenge`() throws {
        let token = try gateway.token(claims: ["aud": "\"https://gw.example/two\""])
        let outcome = try gateway.decide(Gateway.post("/two", token: token)).outcome
        #expect(outcome.challenges.first?.contains("scope=\"one two\"") == true)
    }

    @Test func `says for which route a token was issued that came to another`() throws {
        for (audience, target, intended) in [
            ("https://gw.example/a/b/mcp", "/notion", 1), ("https://root.example/", "/notion", 2),
            ("urn:alias", "/notion", 4), ("https://gw.example/notion", "/sub", 0),
        ] {
            let token = try gateway.token(claims: ["aud": "\"\(audience)\""])
            let outcome = try gateway.decide(Gateway.post(target, token: token)).outcome
            #expect(outcome.code == "aud_other_route")
            #expect(outcome.intended == intended)
        }
    }

    @Test func `takes aliases, both spellings of a bare origin, and what an issuer always adds`() throws {
        for (audience, target, host, signer, issuer) in [
            ("\"urn:alias\"", "/alias", "gw.example", gateway.signer, "https://as.example"),
            ("\"https://root.example\"", "/", "root.example", gateway.signer, "https://as.example"),
            ("\"https://root.example/\"", "/", "root.example", gateway.signer, "https://as.example"),
            (
                "[\"account\",\"https://gw.example/partner\"]", "/partner", "gw.example", gateway.partner,
                "https://partner.example"
            ),
        ] {
            let token = try gateway.token(claims: ["aud": audience, "iss": "\"\(issuer)\""], by: signer)
            let (outcome, isSteady) = try gateway.decide(Gateway.post(target, host: host, token: token))
            #expect(outcome.permitted != nil)
            #expect(isSteady || issuer == "https://partner.example")
        }
    }
}

/// The grammar of challenges (RFC 6750 §3, RFC 9110 §11.2), and what the official SDKs read (case 177).
enum ChallengeGrammar {
    static func isValid(_ challenge: String) -> Bool {
        guard challenge.hasPrefix("Bearer "), !challenge.contains("offline_access"), !challenge.contains("\\")
        else {
            return false
        }
        var names: [String] = []
        for parameter in challenge.dropFirst(7).split(separator: ", ") {
            guard let match = parameter.wholeMatch(of: /([a-z_]+)="([\x20-\x21\x23-\x5B\x5D-\x7E]+)"/) else {
                return false
            }
            names.append(String(match.1))
            if match.1 == "scope", match.2.wholeMatch(of: /[!#-\[\]-~]+( [!#-\[\]-~]+)*/) == nil {
                return false
            }
        }
        return Set(names).count == names.count && names.contains("resource_metadata")
            && readersAgree(challenge)
    }

    /// The first match of either SDK's unanchored pattern is the parameter itself.
    private static func readersAgree(_ challenge: String) -> Bool {
        for name in ["resource_metadata", "scope", "error"] {
            // Python: name=(?:"([^"]+)"|([^\s,]+)); TypeScript: name=(?:"([^"]*)"|([^\s,]+))
            guard let start = challenge.firstRange(of: "\(name)=") else { continue }
            let before = challenge[..<start.lowerBound]
            guard before.hasSuffix(" "), challenge[start.upperBound...].hasPrefix("\"") else { return false }
        }
        return true
    }
}
