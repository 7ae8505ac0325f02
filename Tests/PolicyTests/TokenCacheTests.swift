// How many tokens a cache keeps, and which it forgets.

import Bytes
import JOSE
import OpenSSL
import Testing

@testable import Policy

@Suite struct `A cache of tokens` {
    let gateway: Gateway
    let keySet: KeySet
    let token: VerifiedToken

    init() throws {
        gateway = try Gateway()
        keySet = try #require(gateway.keys[IssuerID(0)].keySet)
        let rules = gateway.snapshot.issuer(IssuerID(0)).rules
        let presented = try UnverifiedToken(try gateway.token().octets.span)
        token = try TokenVerifier.verify(presented, keys: keySet, rules: rules, now: Gateway.now)
    }

    /// The digest of a token that differs from those with other numbers.
    private func digest(_ number: Int) -> Digest256 {
        SHA256.digest(of: "token \(number)".octets.span)
    }

    /// How many of the first `count` tokens are there.
    private func hits(_ count: Int, in cache: inout TokenCache) -> Int {
        (0..<count).count {
            cache.find(digest($0), from: [IssuerID(0)], keys: gateway.keys, now: Gateway.now) != nil
        }
    }

    /// Places, tokens that come one after the other, and those of them that are there afterwards, at least.
    @Test(arguments: [(16_384, 10_000, 10_000), (16_384, 14_000, 13_970), (1024, 1024, 960), (8, 8, 8)])
    func `keeps nearly as many as it has room for`(_ capacity: Int, _ tokens: Int, _ least: Int) {
        var cache = TokenCache(capacity: capacity, subjectKey: [1].span)
        for number in 0..<tokens { _ = cache.insert(digest(number), token, keySet: keySet) }
        let count = cache.count
        #expect(count >= least)
        #expect(hits(tokens, in: &cache) == count)
        // The same ones once more take no other places.
        for number in 0..<tokens / 2 { _ = cache.insert(digest(number), token, keySet: keySet) }
        #expect(cache.count >= least && cache.count <= tokens)
    }

    @Test func `forgets what was used long ago, and not what is in use`() {
        var cache = TokenCache(capacity: 64, subjectKey: [1].span)
        for number in 0..<2000 {
            _ = cache.insert(digest(number), token, keySet: keySet)
            #expect(cache.count <= 64)
            // The first three are asked for all the time.
            #expect(hits(min(number + 1, 3), in: &cache) == min(number + 1, 3))
        }
        let isThere =
            cache.find(digest(100), from: [IssuerID(0)], keys: gateway.keys, now: Gateway.now) != nil
        #expect(!isThere)
    }

    @Test func `forgets all tokens of keys that have gone, one after the other`() throws {
        var cache = TokenCache(capacity: 64, subjectKey: [1].span)
        for number in 0..<40 { _ = cache.insert(digest(number), token, keySet: keySet) }
        let before = cache.count
        var keys = gateway.keys
        keys[IssuerID(0)].keySet = try Gateway.keySet([gateway.signer])
        for number in 0..<40 {
            let found = cache.find(digest(number), from: [IssuerID(0)], keys: keys, now: Gateway.now)
            #expect(found == nil)
        }
        #expect(before > 36)
        #expect(cache.count == 0)
    }
}
