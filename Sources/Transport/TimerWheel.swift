// Deadlines of connections in slots of coarse time: setting and moving one costs an append at most.

/// Deadlines by token, coarse to `TimerWheel.tick`; belongs to one thread.
///
/// The wheel never removes an entry early. Its owner checks, when an entry falls due, whether the deadline of that
/// token is still the same, and enters it anew if it has moved.
public struct TimerWheel {
    private struct Entry {
        let token: UInt64
        let due: Int
    }

    /// Width of a slot in milliseconds.
    public static let tick = 32
    private static let slotCount = 1024

    private var slots: [[Entry]] = Array(repeating: [], count: slotCount)
    private var current: Int
    /// Number of entries.
    public private(set) var count = 0

    /// Makes an empty wheel that starts at `now`, in milliseconds.
    public init(now: Int) {
        current = now / Self.tick
    }

    /// Enters a deadline in milliseconds for `token`; one in the past falls due at the next tick.
    public mutating func insert(_ token: UInt64, due: Int) {
        let ticks = min(max(due / Self.tick + 1, current + 1), current + Self.slotCount - 1)
        slots[ticks % Self.slotCount].append(Entry(token: token, due: due))
        count += 1
    }

    /// Moves the wheel on to `now`, and puts the tokens whose deadlines have passed at the end of `due`.
    public mutating func advance(to now: Int, due: inout [UInt64]) {
        let target = now / Self.tick
        // After a long sleep every slot is visited once.
        var steps = min(target - current, Self.slotCount)
        guard steps > 0 else { return }
        var slot = target - steps
        while steps > 0 {
            slot += 1
            steps -= 1
            empty(slot % Self.slotCount, now: now, at: target, due: &due)
        }
        current = target
    }

    private mutating func empty(_ slot: Int, now: Int, at target: Int, due: inout [UInt64]) {
        guard !slots[slot].isEmpty else { return }
        var kept: [Entry] = []
        swap(&kept, &slots[slot])
        count -= kept.count
        current = target
        for entry in kept {
            if entry.due <= now {
                due.append(entry.token)
            } else {
                insert(entry.token, due: entry.due)
            }
        }
        // Give the slot its memory back, unless entries came back to it.
        if slots[slot].isEmpty, kept.capacity <= 256 {
            kept.removeAll(keepingCapacity: true)
            swap(&kept, &slots[slot])
        }
    }

    /// Takes out the entries of which `isAwaited` says no.
    public mutating func prune(where isAwaited: (_ token: UInt64, _ due: Int) -> Bool) {
        for slot in slots.indices {
            let before = slots[slot].count
            slots[slot].removeAll { !isAwaited($0.token, $0.due) }
            count -= before - slots[slot].count
        }
    }

    /// Milliseconds until `advance` may have something to do, -1 if the wheel is empty.
    public func delay(from now: Int) -> Int {
        guard count > 0 else { return -1 }
        var slot = current + 1
        while slot < current + Self.slotCount, slots[slot % Self.slotCount].isEmpty { slot += 1 }
        return max(slot * Self.tick - now, 0)
    }
}
