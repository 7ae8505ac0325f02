// Tokens that were verified before (decision D8): by digest, bounded, and never longer than key and expiry allow.

internal import JOSE
public import OpenSSL

/// How often a cache was asked for a token.
public struct TokenCacheCounts: Sendable {
    /// It had the token.
    public internal(set) var hits = 0
    /// The token had to be verified.
    public internal(set) var misses = 0

    /// Nobody has asked.
    public init() {}
}

/// The verified tokens that one worker remembers. Raw tokens are not kept.
///
/// Four places for each digest; a newcomer takes the place that was used longest ago. Memory is taken as tokens come.
public struct TokenCache: ~Copyable {
    private struct Entry {
        let digest: Digest256
        let principal: Principal
        let keySet: KeySet
        var lastUse: UInt64
    }

    private static let ways = 4

    private var sets: [[Entry]]
    private var uses: UInt64 = 0
    /// Number of tokens remembered.
    public private(set) var count = 0
    /// How often it was asked.
    public var counts = TokenCacheCounts()
    private var hasher = SHA256()
    private var subjectKey: HMACSHA256

    /// Makes an empty cache.
    ///
    /// - Parameters:
    ///   - capacity: Tokens that have room at least.
    ///   - subjectKey: Key of the hash under which subjects stand in logs.
    public init(capacity: Int, subjectKey: Span<UInt8>) {
        var sets = 1
        while sets * Self.ways < capacity { sets *= 2 }
        self.subjectKey = HMACSHA256(key: subjectKey)
        self.sets = Array(repeating: [], count: sets)
    }

    /// Digest of a token: what it is remembered by.
    public mutating func digest(_ token: Span<UInt8>) -> Digest256 {
        hasher.digest(token)
    }

    /// The token with this digest, if it is still good.
    ///
    /// - Parameters:
    ///   - digest: What `digest(_:)` returned.
    ///   - issuers: Those whose tokens are accepted. A token is an issuer's if it was verified with the keys that the
    ///     issuer has now: each issuer has a key set of its own, and a new one when its keys or its rules change.
    ///   - keys: The keys now. A token that was verified with others is of no use, as its key may have left them or
    ///     another one may fit it as well.
    ///   - now: Seconds since the Unix epoch.
    /// - Returns: The token and its issuer, nil if it must be verified.
    mutating func find(
        _ digest: Digest256,
        from issuers: [IssuerID],
        keys: KeyRing,
        now: Int64
    ) -> (IssuerID, Principal)? {
        counts.misses += 1
        let set = place(of: digest)
        guard let way = sets[set].firstIndex(where: { $0.digest == digest }) else { return nil }
        let entry = sets[set][way]
        let issuer = issuers.first { keys[$0].keySet === entry.keySet }
        // A token of an issuer that the route does not trust stays for the routes that do.
        let token = entry.principal.token
        guard token.start <= now, now < token.end, issuer != nil || keys.hold(entry.keySet) else {
            sets[set].remove(at: way)
            count -= 1
            return nil
        }
        guard let issuer else { return nil }
        counts.misses -= 1
        counts.hits += 1
        uses += 1
        sets[set][way].lastUse = uses
        return (issuer, entry.principal)
    }

    /// Remembers a token that was verified with a key of `keySet`, and returns who it speaks for.
    mutating func insert(_ digest: Digest256, _ token: VerifiedToken, keySet: KeySet) -> Principal {
        let principal = Principal(token, key: &subjectKey)
        let set = place(of: digest)
        uses += 1
        let entry = Entry(digest: digest, principal: principal, keySet: keySet, lastUse: uses)
        // The same token may be there with keys of before.
        let before = sets[set].count
        sets[set].removeAll { $0.digest == digest }
        count -= before - sets[set].count
        if sets[set].count < Self.ways {
            sets[set].append(entry)
            count += 1
        } else if let oldest = sets[set].indices.min(by: { sets[set][$0].lastUse < sets[set][$1].lastUse }) {
            sets[set][oldest] = entry
        }
        return principal
    }

    private func place(of digest: Digest256) -> Int {
        Int(truncatingIfNeeded: digest.prefix) & (sets.count - 1)
    }
}
