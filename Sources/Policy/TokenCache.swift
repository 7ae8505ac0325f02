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
/// Each digest has eight places in either of two sets, and a newcomer goes where more are free: nearly all places fill
/// before one is needed twice. Then a newcomer takes the place of the sixteen that was used longest ago. Memory is taken
/// as tokens come.
public struct TokenCache: ~Copyable {
    private struct Entry {
        let digest: Digest256
        let principal: Principal
        let keySet: KeySet
        var lastUse: UInt64
    }

    /// The places that some digests share. A tag is a part of the digest: entries with others need not be looked at, so
    /// that the memory of one entry is touched and not that of eight.
    private struct PlaceSet {
        private(set) var entries: [Entry] = []
        private var tags = InlineArray<8, UInt16>(repeating: 0)

        static let ways = 8

        func way(of digest: Digest256) -> Int? {
            let tag = Self.tag(of: digest)
            for way in entries.indices where tags[way] == tag && entries[way].digest == digest { return way }
            return nil
        }

        mutating func append(_ entry: Entry) {
            tags[entries.count] = Self.tag(of: entry.digest)
            entries.append(entry)
        }

        mutating func remove(at way: Int) {
            let last = entries.removeLast()
            guard way < entries.count else { return }
            entries[way] = last
            tags[way] = tags[entries.count]
        }

        /// The place that was used longest ago, of a set that is not empty.
        var leastRecent: (way: Int, lastUse: UInt64) {
            var found = (way: 0, lastUse: UInt64.max)
            for way in entries.indices where entries[way].lastUse < found.lastUse {
                found = (way, entries[way].lastUse)
            }
            return found
        }

        mutating func noteUse(_ number: UInt64, at way: Int) {
            entries[way].lastUse = number
        }

        private static func tag(of digest: Digest256) -> UInt16 {
            UInt16(truncatingIfNeeded: digest.prefix >> 48)
        }
    }

    private var sets: [PlaceSet]
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
        while sets * PlaceSet.ways < capacity { sets *= 2 }
        self.subjectKey = HMACSHA256(key: subjectKey)
        self.sets = Array(repeating: PlaceSet(), count: sets)
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
        guard let (set, way) = place(of: digest) else { return nil }
        let entry = sets[set].entries[way]
        let issuer = issuers.first { keys[$0].keySet === entry.keySet }
        // A token of an issuer that the route does not trust stays for the routes that do.
        let token = entry.principal.token
        guard token.start <= now, now < token.end, issuer != nil || keys.hold(entry.keySet) else {
            remove(set, way)
            return nil
        }
        guard let issuer else { return nil }
        counts.misses -= 1
        counts.hits += 1
        uses += 1
        sets[set].noteUse(uses, at: way)
        return (issuer, entry.principal)
    }

    /// Remembers a token that was verified with a key of `keySet`, and returns who it speaks for.
    mutating func insert(_ digest: Digest256, _ token: VerifiedToken, keySet: KeySet) -> Principal {
        let principal = Principal(token, key: &subjectKey)
        // The same token may be there with keys of before.
        if let (set, way) = place(of: digest) { remove(set, way) }
        let set = setWithRoom(for: digest)
        uses += 1
        sets[set].append(Entry(digest: digest, principal: principal, keySet: keySet, lastUse: uses))
        count += 1
        return principal
    }

    /// The two sets that a digest may be in; there may be only one.
    private func candidates(for digest: Digest256) -> (Int, Int) {
        let mask = sets.count - 1
        return (
            Int(truncatingIfNeeded: digest.prefix) & mask, Int(truncatingIfNeeded: digest.prefix >> 24) & mask
        )
    }

    private func place(of digest: Digest256) -> (set: Int, way: Int)? {
        let (first, second) = candidates(for: digest)
        if let way = sets[first].way(of: digest) { return (first, way) }
        if let way = sets[second].way(of: digest) { return (second, way) }
        return nil
    }

    /// The set where a newcomer goes. If both are full, the token that was used longest ago is forgotten.
    private mutating func setWithRoom(for digest: Digest256) -> Int {
        let (first, second) = candidates(for: digest)
        let set = sets[second].entries.count < sets[first].entries.count ? second : first
        guard sets[set].entries.count == PlaceSet.ways else { return set }
        let (one, other) = (sets[first].leastRecent, sets[second].leastRecent)
        let isInFirst = one.lastUse <= other.lastUse
        remove(isInFirst ? first : second, isInFirst ? one.way : other.way)
        return isInFirst ? first : second
    }

    private mutating func remove(_ set: Int, _ way: Int) {
        sets[set].remove(at: way)
        count -= 1
    }
}
