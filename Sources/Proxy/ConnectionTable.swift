// All connections of a worker by number, so that nothing holds a connection that is gone.

internal import Transport

/// A slot and its generation: the number of a connection, which no later connection has again.
struct ConnectionID: Hashable, Sendable {
    /// The number that goes to the poller and the timer wheel.
    let token: UInt64

    fileprivate init(slot: Int, generation: UInt32) {
        token = UInt64(generation) << 32 | UInt64(slot)
    }

    /// Makes the identifier out of a number that came back.
    init(token: UInt64) {
        self.token = token
    }

    fileprivate var slot: Int { Int(token & 0xFFFF_FFFF) }
    fileprivate var generation: UInt32 { UInt32(truncatingIfNeeded: token >> 32) }
}

/// What a slot of the table holds.
enum Occupant {
    case vacant
    case client(ClientConnection)
    case upstream(UpstreamConnection)
}

/// A slab of connections.
struct ConnectionTable {
    private struct Slot {
        var generation: UInt32
        var occupant: Occupant
    }

    private var slots: [Slot] = []
    private var free: [Int] = []

    /// Number of client connections.
    private(set) var clients = 0

    /// Makes a number for a connection that is about to be stored.
    mutating func reserve() -> ConnectionID {
        if let slot = free.popLast() { return ConnectionID(slot: slot, generation: slots[slot].generation) }
        slots.append(Slot(generation: 1, occupant: .vacant))
        return ConnectionID(slot: slots.count - 1, generation: 1)
    }

    /// Stores a connection under the number that was reserved for it.
    mutating func store(_ occupant: Occupant, at id: ConnectionID) {
        if case .client = occupant { clients += 1 }
        slots[id.slot].occupant = occupant
    }

    /// The connection with this number; `vacant` if it is gone.
    subscript(id: ConnectionID) -> Occupant {
        guard id.slot < slots.count, slots[id.slot].generation == id.generation else { return .vacant }
        return slots[id.slot].occupant
    }

    /// The client connection with this number, nil if it is gone.
    func client(_ id: ConnectionID) -> ClientConnection? {
        if case .client(let connection) = self[id] { connection } else { nil }
    }

    /// The upstream connection with this number, nil if it is gone.
    func upstream(_ id: ConnectionID) -> UpstreamConnection? {
        if case .upstream(let connection) = self[id] { connection } else { nil }
    }

    /// Forgets a connection; its number is never given again.
    mutating func remove(_ id: ConnectionID) {
        guard id.slot < slots.count, slots[id.slot].generation == id.generation else { return }
        if case .client = slots[id.slot].occupant { clients -= 1 }
        slots[id.slot].occupant = .vacant
        // Generation 0 and the highest ones are left out: the worker's own tokens are there.
        slots[id.slot].generation = slots[id.slot].generation % 0x7FFF_FFFF + 1
        free.append(id.slot)
    }

    /// All client connections, for draining.
    var allClients: [ClientConnection] {
        slots.compactMap { if case .client(let connection) = $0.occupant { connection } else { nil } }
    }
}
