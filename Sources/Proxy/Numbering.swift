// Numbers for what outlives a configuration: the same thing has the same number in the next one.

/// Gives numbers to things, from 0 on without large gaps, so that workers can keep what belongs to them in arrays.
public struct Numbering<Key: Hashable> {
    private var numbers: [Key: Int] = [:]
    private var free: [Int] = []

    /// One more than the highest number that was ever given.
    public private(set) var count = 0

    /// Makes a numbering without numbers.
    public init() {}

    /// The number of `key`, and whether the key got it just now.
    public mutating func number(of key: Key) -> (number: Int, isNew: Bool) {
        if let number = numbers[key] { return (number, false) }
        let number = free.popLast() ?? count
        count = max(count, number + 1)
        numbers[key] = number
        return (number, true)
    }

    /// Takes their numbers from all keys but those in `kept`, and returns both. The numbers are given again after
    /// `giveBack` only, as somebody may still know them.
    public mutating func retire(except kept: Set<Key>) -> [(key: Key, number: Int)] {
        var retired: [(key: Key, number: Int)] = []
        for (key, number) in numbers where !kept.contains(key) {
            numbers[key] = nil
            retired.append((key, number))
        }
        return retired
    }

    /// Has a key that was retired keep its number, which was not given back.
    public mutating func revive(_ key: Key, with number: Int) {
        numbers[key] = number
    }

    /// Lets numbers be given again.
    public mutating func giveBack(_ retired: [Int]) {
        free += retired
    }
}
