// Keys that are late, missing or new, and what a cache of tokens must never change (cases 37, 38, 51, 52, 57).

import Bytes
import JOSE
import Testing

@testable import Policy

@Suite struct `Keys and remembered tokens` {
    let gateway: Gateway

    init() throws { gateway = try Gateway() }

    private func keys(_ state: IssuerKeys) -> KeyRing {
        var keys = gateway.keys
        keys[IssuerID(0)] = state
        return keys
    }

    @Test func `51: without keys the answer is 503 with Retry-After, and no challenge`() throws {
        var cache = TokenCache(capacity: 4, subjectKey: [1].span)
        let outcome = gateway.decide(
            Gateway.post(token: try gateway.token()),
            keys: keys(IssuerKeys(keySet: nil, isPending: false)),
            tokens: &cache
        )
        #expect(outcome.status == 503)
        #expect(outcome.challenges.isEmpty)
        #expect(outcome.fields["Retry-After"] == ["5"])
        #expect(!outcome.body.contains("invalid_token"))
    }

    @Test func `waits for the first fetch, once`() throws {
        var cache = TokenCache(capacity: 4, subjectKey: [1].span)
        let text = Gateway.post(token: try gateway.token())
        let pending = keys(IssuerKeys())
        #expect(gateway.decide(text, keys: pending, tokens: &cache, mayAwaitKeys: true).code == "await 0")
        #expect(gateway.decide(text, keys: pending, tokens: &cache).status == 503)
    }

    @Test func `37 and 38: asks for an unknown key outside the hold-off only`() throws {
        var cache = TokenCache(capacity: 4, subjectKey: [1].span)
        let text = Gateway.post(token: try gateway.token(header: ["kid": "\"new\""]))
        var state = gateway.keys[IssuerID(0)]
        for (holdOff, code) in [(Gateway.monotonicNow, "await 0"), (Gateway.monotonicNow + 1, "unknown_key")]
        {
            state.holdOffUntil = holdOff
            #expect(gateway.decide(text, keys: keys(state), tokens: &cache, mayAwaitKeys: true).code == code)
        }
        let bad = Gateway.post(token: try gateway.token().dropLast(8) + "AAAAAAAA")
        #expect(gateway.decide(bad, tokens: &cache, mayAwaitKeys: true).code == "signature_invalid")
    }

    @Test func `a remembered token does not count when the clock was set back behind its beginning`() throws {
        let cases: [(Members, String)] = [
            (["iat": "\(Gateway.now)"], "issued_in_future"),
            (["iat": "\(Gateway.now - 100)", "nbf": "\(Gateway.now)"], "not_yet_valid"),
        ]
        for (claims, code) in cases {
            var cache = TokenCache(capacity: 4, subjectKey: [1].span)
            let text = Gateway.post(token: try gateway.token(claims: claims))
            #expect(gateway.decide(text, tokens: &cache).permitted == 0)
            #expect(gateway.decide(text, tokens: &cache, now: Gateway.now - 30).permitted == 0)
            #expect(gateway.decide(text, tokens: &cache, now: Gateway.now - 31).code == code)
        }
    }

    @Test func `57: a remembered token ends at its expiry and with its key`() throws {
        var cache = TokenCache(capacity: 4, subjectKey: [1].span)
        let text = Gateway.post(token: try gateway.token())
        #expect(gateway.decide(text, tokens: &cache).permitted == 0)
        #expect(gateway.decide(text, tokens: &cache, now: Gateway.now + 329).permitted == 0)
        #expect(gateway.decide(text, tokens: &cache, now: Gateway.now + 330).code == "expired")
        #expect(cache.count == 0)
        #expect(gateway.decide(text, tokens: &cache).permitted == 0)
        let none = keys(IssuerKeys(keySet: nil, isPending: false))
        #expect(gateway.decide(text, keys: none, tokens: &cache).status == 503)
        #expect(cache.count == 0)
    }

    @Test func `a remembered token opens no other route`() throws {
        var cache = TokenCache(capacity: 64, subjectKey: [1].span)
        let token = try gateway.token()
        #expect(gateway.decide(Gateway.post(token: token), tokens: &cache).permitted == 0)
        for (target, host, code) in [
            ("/a/b/mcp", "gw.example", "aud_other_route"), ("/sub", "gw.example", "aud_other_route"),
            ("/", "root.example", "aud_other_route"), ("/partner", "gw.example", "issuer_unknown"),
        ] {
            let outcome = gateway.decide(Gateway.post(target, host: host, token: token), tokens: &cache)
            #expect(outcome.code == code)
        }
        #expect(gateway.decide(Gateway.post(token: token), tokens: &cache).permitted == 0)
    }

    @Test func `a token of an issuer that signs with a key of the same name is another token`() throws {
        var cache = TokenCache(capacity: 64, subjectKey: [1].span)
        let forged = try gateway.token(by: gateway.partner)
        #expect(gateway.decide(Gateway.post(token: forged), tokens: &cache).code == "signature_invalid")
        #expect(cache.count == 0)
    }

    @Test func `the cache is bounded, and refuses and accepts beyond its bound as within it`() throws {
        var cache = TokenCache(capacity: 8, subjectKey: [1].span)
        for number in 0..<40 {
            let token = try gateway.token(claims: ["jti": "\"\(number)\""])
            #expect(gateway.decide(Gateway.post(token: token), tokens: &cache).permitted == 0)
            #expect(gateway.decide(Gateway.post("/sub", token: token), tokens: &cache).status == 401)
            #expect(cache.count <= 8)
        }
    }
}

@Suite struct `An audience that is not the resource` {
    /// Audience, resource, and whether it is told apart as a near miss.
    @Test(arguments: [
        ("https://gw.example/Notion", true), ("https://gw.example/notion/", true),
        ("http://gw.example/notion", true),
        ("https://gw.example:443/notion", true), ("https://gw.example/%6Eotion", true),
        ("https://gw.example", true),
        ("https://gw.example/", true), ("https://gw.example/notion/child", true),
        ("https://gw.example/notion?a=b", true),
        ("https://gw.example/notion#x", true), ("api://gw.example/notion", true), ("gw.example/notion", true),
        ("https://gw.example//notion", true), ("https://gw.example:8443/notion", false),
        ("https://gw.example/notionx", false), ("https://evil.example/notion", false), ("notion", false),
        ("/", false),
        ("https://", false), ("%", false), ("%zz%", false), ("https://gw.example.evil.example/notion", false),
        (" https://gw.example/notion", false), ("https://gw.example/notion ", false),
        ("https://gw.example/noti\u{6F}\u{301}n", false), ("https://user@gw.example/notion", false),
    ])
    func `is never accepted, and its kind is known`(_ audience: String, _ isNear: Bool) throws {
        let gateway = try Gateway()
        let route = gateway.snapshot.route(RouteID(0))
        #expect(!AudienceRule.isOwn(audience, of: route))
        #expect(AudienceDiagnosis.isNearMiss(audience, of: route.resource) == isNear)
        let written = audience.replacing("\\", with: "\\\\")
        let token = try gateway.token(claims: ["aud": "\"\(written)\""])
        #expect(try gateway.decide(Gateway.post(token: token)).outcome.status == 401)
    }

    @Test func `is a near miss also where it is a parent of a deep resource`() throws {
        let deep = try ResourceURI("https://gw.example/a/b/mcp")
        for parent in ["https://gw.example/a/b", "https://gw.example/a/", "https://gw.example"] {
            #expect(AudienceDiagnosis.isNearMiss(parent, of: deep))
        }
        #expect(!AudienceDiagnosis.isNearMiss("https://gw.example/a/x", of: deep))
    }
}

@Suite struct `The counts of a cache` {
    @Test func `tell remembered tokens from verified ones, and how many are there`() throws {
        let gateway = try Gateway()
        var cache = TokenCache(capacity: 8, subjectKey: [1].span)
        let text = Gateway.post(token: try gateway.token())
        for _ in 0..<3 { #expect(gateway.decide(text, tokens: &cache).permitted == 0) }
        #expect(cache.counts.misses == 1)
        #expect(cache.counts.hits == 2)
        #expect(cache.count == 1)
        for number in 0..<50 {
            let token = try gateway.token(claims: ["jti": "\"\(number)\""])
            #expect(gateway.decide(Gateway.post(token: token), tokens: &cache).permitted == 0)
            #expect(cache.count <= 8)
        }
        #expect(cache.counts.misses == 51)
        #expect(cache.count == 8)
    }
}
