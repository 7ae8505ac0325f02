// All connections and streams of a worker by number, so that nothing holds one that is gone.

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
    case arrival(Arrival)
    case client(ClientStream)
    case opening(UpstreamOpening)
    case upstream(UpstreamStream)
    case http2(HTTP2Connection)

    /// Whether this is a connection to a server, or an attempt at one, and not a stream on one.
    fileprivate var isServerConnection: Bool {
        switch self {
        case .opening: true
        case .upstream(let upstream): upstream.channel != nil
        case .http2(let connection): if case .server = connection.peer { true } else { false }
        case .vacant, .arrival, .client: false
        }
    }

    /// Whether this is a connection of a client, and not a stream on one.
    fileprivate var isClientConnection: Bool {
        switch self {
        case .arrival: true
        case .client(let client): client.channel != nil
        case .http2(let connection): if case .client = connection.peer { true } else { false }
        case .vacant, .opening, .upstream: false
        }
    }
}

/// A slab of connections.
final class ConnectionTable {
    private struct Slot {
        var generation: UInt32
        var occupant: Occupant
    }

    private var slots: [Slot] = []
    private var free: [Int] = []

    /// Number of client connections.
    private(set) var clients = 0
    /// Number of connections to servers.
    private(set) var servers = 0

    /// Makes a number for a connection that is about to be stored.
    func reserve() -> ConnectionID {
        if let slot = free.popLast() { return ConnectionID(slot: slot, generation: slots[slot].generation) }
        slots.append(Slot(generation: 1, occupant: .vacant))
        return ConnectionID(slot: slots.count - 1, generation: 1)
    }

    /// Stores a connection or a stream under the number that was reserved for it, or in the place of what it was before.
    func store(_ occupant: Occupant, at id: ConnectionID) {
        note(slots[id.slot].occupant, by: -1)
        note(occupant, by: 1)
        slots[id.slot].occupant = occupant
    }

    /// The connection with this number; `vacant` if it is gone.
    subscript(id: ConnectionID) -> Occupant {
        guard id.slot < slots.count, slots[id.slot].generation == id.generation else { return .vacant }
        return slots[id.slot].occupant
    }

    /// Whether something is there under this number.
    func isPresent(_ id: ConnectionID) -> Bool {
        if case .vacant = self[id] { false } else { true }
    }

    /// The client connection with this number, nil if it is gone.
    func client(_ id: ConnectionID) -> ClientStream? {
        if case .client(let connection) = self[id] { connection } else { nil }
    }

    /// The upstream connection with this number, nil if it is gone.
    func upstream(_ id: ConnectionID) -> UpstreamStream? {
        if case .upstream(let connection) = self[id] { connection } else { nil }
    }

    /// Forgets a connection; its number is never given again.
    func remove(_ id: ConnectionID) {
        guard id.slot < slots.count, slots[id.slot].generation == id.generation else { return }
        note(slots[id.slot].occupant, by: -1)
        slots[id.slot].occupant = .vacant
        // Generation 0 and the highest ones are left out: the worker's own tokens are there.
        slots[id.slot].generation = slots[id.slot].generation % 0x7FFF_FFFF + 1
        free.append(id.slot)
    }

    private func note(_ occupant: Occupant, by change: Int) {
        if occupant.isClientConnection { clients += change }
        if occupant.isServerConnection { servers += change }
    }

    /// The connection of HTTP/2 with this number, nil if it is gone.
    func http2(_ id: ConnectionID) -> HTTP2Connection? {
        if case .http2(let connection) = self[id] { connection } else { nil }
    }

    /// The connection attempt with this number, nil if it is over.
    func opening(_ id: ConnectionID) -> UpstreamOpening? {
        if case .opening(let opening) = self[id] { opening } else { nil }
    }

    /// All that is there, for draining.
    var all: [Occupant] { slots.map(\.occupant) }
}
