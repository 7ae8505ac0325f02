// What the authorization server remembers for a while: codes, refresh tokens, clients.

/// Values under random keys, each with an end; the oldest makes room for the newest.
struct BoundedStore<Value: Sendable>: Sendable {
    private struct Entry: Sendable {
        let value: Value
        let expiry: Int
    }

    private var entries: [String: Entry] = [:]
    private var order: [String] = []
    private let capacity: Int

    /// Makes a store that holds at most `capacity` values.
    init(capacity: Int) {
        self.capacity = capacity
    }

    /// Remembers `value` under `key` until `expiry`, in seconds since 1970.
    mutating func insert(_ value: Value, for key: String, until expiry: Int) {
        if entries.updateValue(Entry(value: value, expiry: expiry), forKey: key) == nil { order.append(key) }
        if order.count > capacity { entries[order.removeFirst()] = nil }
    }

    /// The value under `key`, nil if there is none or its time is over at `now`.
    func value(for key: String, at now: Int) -> Value? {
        guard let entry = entries[key], now < entry.expiry else { return nil }
        return entry.value
    }

    /// Forgets the value under `key` and gives it back, nil if there is none or its time is over at `now`.
    mutating func take(_ key: String, at now: Int) -> Value? {
        let value = value(for: key, at: now)
        remove(where: { candidate, _ in candidate == key })
        return value
    }

    /// Forgets every value for which `isUnwanted` holds.
    mutating func remove(where isUnwanted: (String, Value) -> Bool) {
        order.removeAll { key in
            guard let entry = entries[key], isUnwanted(key, entry.value) else { return false }
            entries[key] = nil
            return true
        }
    }
}
