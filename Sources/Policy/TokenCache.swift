// Tokens that were verified before (decision D8): by digest, bounded, and never longer than key and expiry allow.

internal import JOSE
public import OpenSSL

/// The verified tokens that one worker remembers. Raw tokens are not kept.
///
/// Four places for each digest; a newcomer takes the place that was used longest ago. Memory is taken as tokens come.
public struct TokenCache: ~Copyable {
    private struct Entry {
        let digest: Digest256
        let issuer: IssuerID
        let principal: Principal
        let keySet: KeySet
        var lastUse: UInt64
    }

    private static let ways = 4

    private var sets: [[Entry]]
    private var uses: UInt64 = 0
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
    ///   - keys: The keys now; a token that was verified with others is forgotten, as its key may have left them or
    ///     another one may fit it as well.
    ///   - snapshot: Holds the clock skew of the issuer.
    ///   - now: Seconds since the Unix epoch.
    /// - Returns: The token and its issuer, nil if it must be verified.
    mutating func find(
        _ digest: Digest256,
        keys: KeyRing,
        snapshot: Snapshot,
        now: Int64
    ) -> (IssuerID, Principal)? {
        let set = place(of: digest)
        guard let way = sets[set].firstIndex(where: { $0.digest == digest }) else { return nil }
        let issuer = sets[set][way].issuer
        guard isGood(sets[set][way], keys: keys[issuer].keySet, snapshot: snapshot, now: now) else {
            sets[set].remove(at: way)
            return nil
        }
        uses += 1
        sets[set][way].lastUse = uses
        return (issuer, sets[set][way].principal)
    }

    private func isGood(_ entry: Entry, keys: KeySet?, snapshot: Snapshot, now: Int64) -> Bool {
        guard let keys, keys === entry.keySet else { return false }
        return entry.principal.token.end > now
    }

    /// Remembers a token that was verified with a key of `keySet`, and returns who it speaks for.
    mutating func insert(
        _ digest: Digest256,
        _ token: VerifiedToken,
        from issuer: IssuerID,
        keySet: KeySet
    ) -> Principal {
        let principal = Principal(token, key: &subjectKey)
        let set = place(of: digest)
        uses += 1
        let entry = Entry(digest: digest, issuer: issuer, principal: principal, keySet: keySet, lastUse: uses)
        if sets[set].count < Self.ways {
            sets[set].append(entry)
        } else if let oldest = sets[set].indices.min(by: { sets[set][$0].lastUse < sets[set][$1].lastUse }) {
            sets[set][oldest] = entry
        }
        return principal
    }

    /// Number of tokens remembered.
    public var count: Int { sets.reduce(0) { $0 + $1.count } }

    private func place(of digest: Digest256) -> Int {
        Int(truncatingIfNeeded: digest.prefix) & (sets.count - 1)
    }
}
