// Deadlines of connections in slots of coarse time: setting and moving one costs an append at most.

/// Deadlines by token, coarse to `TimerWheel.tick`; belongs to one thread.
///
/// The wheel never removes an entry early. Its owner checks, when an entry falls due, whether the deadline of that
/// token is still the same, and enters it anew if it has moved.
public final class TimerWheel {
    private struct Entry {
        let token: UInt64
        let due: Int
    }

    /// Width of a slot in milliseconds.
    public static let tick = 32
    private static let slotCount = 1024

    private var slots: [[Entry]] = Array(repeating: [], count: slotCount)
    /// A bit for each slot that has entries: the worker asks for the next one in each round.
    private var occupied: InlineArray<16, UInt64> = .init(repeating: 0)
    private var current: Int
    /// Number of entries.
    public private(set) var count = 0

    /// Makes an empty wheel that starts at `now`, in milliseconds.
    public init(now: Int) {
        current = now / Self.tick
    }

    /// Enters a deadline in milliseconds for `token`; one in the past falls due at the next tick.
    public func insert(_ token: UInt64, due: Int) {
        let ticks = min(max(due / Self.tick + 1, current + 1), current + Self.slotCount - 1)
        let slot = ticks % Self.slotCount
        slots[slot].append(Entry(token: token, due: due))
        occupied[slot / 64] |= 1 << UInt64(slot % 64)
        count += 1
    }

    /// Moves the wheel on to `now`, and puts the tokens whose deadlines have passed at the end of `due`.
    public func advance(to now: Int, due: inout [UInt64]) {
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

    private func empty(_ slot: Int, now: Int, at target: Int, due: inout [UInt64]) {
        guard !slots[slot].isEmpty else { return }
        var kept: [Entry] = []
        swap(&kept, &slots[slot])
        occupied[slot / 64] &= ~(1 << UInt64(slot % 64))
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
    public func prune(where isAwaited: (_ token: UInt64, _ due: Int) -> Bool) {
        for slot in slots.indices {
            let before = slots[slot].count
            slots[slot].removeAll { !isAwaited($0.token, $0.due) }
            count -= before - slots[slot].count
            if slots[slot].isEmpty { occupied[slot / 64] &= ~(1 << UInt64(slot % 64)) }
        }
    }

    /// Milliseconds until `advance` may have something to do, -1 if the wheel is empty.
    public func delay(from now: Int) -> Int {
        guard count > 0 else { return -1 }
        return max((current + 1 + emptySlots(after: current)) * Self.tick - now, 0)
    }

    /// Number of slots without entries between `ticks` and the next that has some.
    private func emptySlots(after ticks: Int) -> Int {
        let first = (ticks + 1) % Self.slotCount
        var word = first / 64
        // What is before the first slot comes last.
        var bits = occupied[word] & (~0 << UInt64(first % 64))
        var passed = -(first % 64)
        while bits == 0, passed < Self.slotCount {
            passed += 64
            word = (word + 1) % occupied.count
            bits = occupied[word]
        }
        return passed + bits.trailingZeroBitCount
    }
}
