// A hash table from byte strings to numbers that is searched with spans: no String is made for a lookup.

internal import Bytes

/// Open addressing over strings of the configuration. Clients choose only what is searched for, never what is stored,
/// so that no input makes a search slower than the fullest run of slots.
struct ByteStringTable: Sendable {
    private struct Entry {
        let hash: UInt64
        let scope: Int
        let key: [UInt8]
        let value: Int
    }

    private var entries: [Entry] = []
    private var slots: [Int32] = Array(repeating: -1, count: 8)

    /// Number of strings.
    var count: Int { entries.count }

    /// Stores `value` for `key` within the name space `scope`; the first value for a key stays.
    mutating func insert(_ key: String, under scope: Int, value: Int) {
        let bytes = Array(key.utf8)
        guard self.value(of: bytes.span, under: scope) == nil else { return }
        if 2 * (entries.count + 1) > slots.count { grow() }
        entries.append(Entry(hash: Self.hash(bytes.span, under: scope), scope: scope, key: bytes, value: value))
        place(entries.count - 1)
    }

    private mutating func grow() {
        slots = Array(repeating: -1, count: 2 * slots.count)
        for index in entries.indices { place(index) }
    }

    private mutating func place(_ index: Int) {
        var slot = Int(truncatingIfNeeded: entries[index].hash) & (slots.count - 1)
        while slots[slot] >= 0 { slot = (slot + 1) & (slots.count - 1) }
        slots[slot] = Int32(index)
    }

    /// The value for `key`, nil if there is none.
    func value(of key: borrowing Span<UInt8>, under scope: Int) -> Int? {
        value(of: key, under: scope, hash: Self.hash(key, under: scope))
    }

    /// The value for `key` with its letters in lower case, nil if there is none.
    func value(ofLowercased key: borrowing Span<UInt8>, under scope: Int) -> Int? {
        var hash = Self.hash(under: scope)
        for index in key.indices { hash = Self.hash(hash, adding: ASCII.lowercased(key[index])) }
        return find(hash: hash) { entry in
            guard entry.scope == scope, entry.key.count == key.count else { return false }
            for index in key.indices where ASCII.lowercased(key[index]) != entry.key[index] { return false }
            return true
        }
    }

    /// The value for `key`, whose hash is known, nil if there is none.
    func value(of key: borrowing Span<UInt8>, under scope: Int, hash: UInt64) -> Int? {
        find(hash: hash) { entry in entry.scope == scope && key.equals(entry.key.span) }
    }

    private func find(hash: UInt64, where isEqual: (borrowing Entry) -> Bool) -> Int? {
        var slot = Int(truncatingIfNeeded: hash) & (slots.count - 1)
        while slots[slot] >= 0 {
            let index = Int(slots[slot])
            if entries[index].hash == hash, isEqual(entries[index]) { return entries[index].value }
            slot = (slot + 1) & (slots.count - 1)
        }
        return nil
    }

    private static func hash(_ key: borrowing Span<UInt8>, under scope: Int) -> UInt64 {
        var hash = hash(under: scope)
        for index in key.indices { hash = Self.hash(hash, adding: key[index]) }
        return hash
    }

    /// Hash of the empty string within `scope`.
    static func hash(under scope: Int) -> UInt64 {
        hash(0xCBF2_9CE4_8422_2325 ^ UInt64(truncatingIfNeeded: scope) &* 0x9E37_79B9_7F4A_7C15, adding: 0)
    }

    /// Hash of a string with one more byte (FNV-1a).
    static func hash(_ hash: UInt64, adding byte: UInt8) -> UInt64 {
        (hash ^ UInt64(byte)) &* 0x0000_0100_0000_01B3
    }
}
