// A bounded table of moments by key, which all workers share: when buckets are full again, and the like.

internal import Synchronization

/// Remembers for each key the moment until which it matters, in any unit of a clock; a key that matters no more is as
/// good as one that never came.
///
/// Bounded, and of fixed size: eight places for each key, and a newcomer takes the one that matters no more, or else the
/// one that will matter no more first. Many new keys drive out each other, and not those that matter for long. The
/// memory, 16 bytes a place, is taken at the first use. Any thread may call; there is a lock for each of 64 parts.
public final class MomentTable: Sendable {
    private struct Place {
        var key: UInt64 = 0
        var moment = 0
    }

    private final class Part: Sendable {
        let places = Mutex<[Place]>([])
    }

    private static let ways = 8
    private static let maximumParts = 64

    private let parts: [Part]
    private let setsPerPart: Int

    /// Makes an empty table for at least `capacity` keys: the next power of two, and no less than eight.
    public init(capacity: Int) {
        var sets = 1
        while sets * Self.ways < capacity { sets *= 2 }
        parts = (0..<min(sets, Self.maximumParts)).map { _ in Part() }
        setsPerPart = sets / parts.count
    }

    /// Number of places.
    public var capacity: Int { parts.count * setsPerPart * Self.ways }

    /// Calls `change` with the moment of `key`, which is 0 if there was none.
    public func withMoment<Result: Sendable>(of key: HashedKey, _ change: (inout Int) -> Result) -> Result {
        withSet(of: key) { places, set in
            let place = set.first { places[$0].key == key.number } ?? Self.leastPlace(in: places, set)
            if places[place].key != key.number { places[place] = Place(key: key.number) }
            return change(&places[place].moment)
        }
    }

    /// The moment of `key`, 0 if there is none.
    func moment(of key: HashedKey) -> Int {
        withSet(of: key) { places, set in
            set.first { places[$0].key == key.number }.map { places[$0].moment } ?? 0
        }
    }

    /// Lets `key` matter until `moment`; false if it does already, or if all its places are taken by others that do.
    ///
    /// For what may happen at most once in a while for each key, and at most `capacity` times for all keys together.
    public func begin(_ key: HashedKey, until moment: Int, now: Int) -> Bool {
        withSet(of: key) { places, set in
            let place = set.first { places[$0].key == key.number } ?? Self.leastPlace(in: places, set)
            guard places[place].moment <= now else { return false }
            places[place] = Place(key: key.number, moment: moment)
            return true
        }
    }

    /// The place whose key matters least.
    private static func leastPlace(in places: [Place], _ set: Range<Int>) -> Int {
        set.min { places[$0].moment < places[$1].moment } ?? set.lowerBound
    }

    private func withSet<Result: Sendable>(
        of key: HashedKey,
        _ use: (inout [Place], Range<Int>) -> Result
    ) -> Result {
        let part = Int(truncatingIfNeeded: key.number) & (parts.count - 1)
        let set = Int(truncatingIfNeeded: key.number >> 32) & (setsPerPart - 1)
        return parts[part].places.withLock { places in
            if places.isEmpty { places = Array(repeating: Place(), count: setsPerPart * Self.ways) }
            return use(&places, set * Self.ways..<(set + 1) * Self.ways)
        }
    }
}
