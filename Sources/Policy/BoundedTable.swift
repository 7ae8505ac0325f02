// A table that forgets the oldest of what it was told.

/// Values by key, at most `capacity` of them: the oldest are forgotten.
struct BoundedTable<Key: Hashable, Value> {
    private struct Entry {
        var value: Value
        /// Tells the entry from earlier ones of the same key.
        let number: Int
    }

    private let capacity: Int
    private var entries: [Key: Entry] = [:]
    /// In the order of their coming; those before `first` are gone.
    private var order: [(key: Key, number: Int)] = []
    private var first = 0
    private var count = 0

    init(capacity: Int) {
        self.capacity = capacity
    }

    /// The value of `key`, nil if it is not known. To give a known key another value does not make it younger.
    subscript(key: Key) -> Value? {
        get { entries[key]?.value }
        set {
            guard let newValue else {
                entries[key] = nil
                return
            }
            guard entries[key] == nil else {
                entries[key]?.value = newValue
                return
            }
            count += 1
            entries[key] = Entry(value: newValue, number: count)
            order.append((key, count))
            if order.count - first > capacity { forgetOldest() }
        }
    }

    private mutating func forgetOldest() {
        let oldest = order[first]
        if entries[oldest.key]?.number == oldest.number { entries[oldest.key] = nil }
        first += 1
        guard first > capacity else { return }
        order.removeFirst(first)
        first = 0
    }
}
