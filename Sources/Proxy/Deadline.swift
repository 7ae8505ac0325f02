// The one deadline of a connection: moving it later costs nothing, the wheel finds out when the old one falls due.

internal import Transport

/// When a connection must have made progress, in milliseconds of the monotonic clock.
final class Deadline {
    /// The moment, nil for none.
    private(set) var due: Int?
    /// When the wheel will ask next, nil if it has no entry.
    private var asked: Int?

    /// Sets the moment; the wheel gets an entry unless one falls due before.
    func set(_ due: Int, for id: ConnectionID, in wheel: TimerWheel) {
        self.due = due
        if let asked, asked <= due { return }
        wheel.insert(id.token, due: due)
        asked = due
    }

    /// Takes the moment away.
    func clear() {
        due = nil
    }

    /// Whether the wheel's entry for `due` is the one that counts.
    func awaits(_ due: Int) -> Bool { asked == due }

    /// Answers the wheel: true if the moment has come, else the wheel gets a new entry if there is a moment to come.
    func hasPassed(now: Int, for id: ConnectionID, in wheel: TimerWheel) -> Bool {
        // An entry that an earlier one has replaced must not be entered anew, or entries would pile up.
        guard let expected = asked, expected <= now else { return false }
        asked = nil
        guard let due else { return false }
        guard due > now else {
            self.due = nil
            return true
        }
        wheel.insert(id.token, due: due)
        asked = due
        return false
    }
}
