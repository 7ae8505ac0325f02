// How many connections each address has, in all workers together, and how often it begins handshakes.

internal import Policy
internal import Synchronization

/// Why an address gets no further connection; the raw value is the limit.
enum AddressRefusal: String, Error {
    case connections = "connections_per_address"
    case handshakes = "rates.handshakes"

    /// As what it is counted.
    var counted: ConnectionRefusal {
        switch self {
        case .connections: .addressConnections
        case .handshakes: .addressHandshakes
        }
    }
}

/// What is told of an address once a minute, as it may happen thousands of times a second.
enum AddressMessage: Int, CaseIterable {
    /// Its connections are closed.
    case limit
    /// It breaks the rules of HTTP/2.
    case connection
    /// It sends malformed requests over HTTP/2.
    case stream
}

/// The connections and handshakes of addresses. Shared by all workers; there is a lock for each of 64 parts.
///
/// An address is remembered while it has connections, so that the table is no larger than the number of these.
public final class AddressTable: Sendable {
    private final class Part: Sendable {
        let counts = Mutex<[HashedKey: Int]>([:])
    }

    /// Nanoseconds between two messages about one address.
    private static let silence = 60_000_000_000
    /// Most messages of a kind in that time, about all addresses together.
    private static let messages = 256

    private let parts = (0..<64).map { _ in Part() }
    private let handshakes: MomentTable
    private let silences = AddressMessage.allCases.map { _ in MomentTable(capacity: messages) }

    /// Makes an empty table.
    ///
    /// - Parameter entries: Addresses whose handshakes are counted at a time, at least.
    public init(entries: Int) {
        handshakes = MomentTable(capacity: entries)
    }

    /// Number of addresses that have connections.
    var count: Int { parts.reduce(0) { sum, part in sum + part.counts.withLock(\.count) } }

    /// Takes a connection in.
    ///
    /// - Parameters:
    ///   - address: Where it comes from.
    ///   - maximum: Most connections that an address may have.
    ///   - rate: How often it may begin a handshake; nil if this is none, or as often as it likes.
    ///   - now: Nanoseconds of a clock that does not go back.
    /// - Returns: The connection's place, which counts for as long as somebody holds it.
    func enter(
        _ address: HashedKey,
        maximum: Int,
        handshakes rate: Rate?,
        now: Int
    ) throws(AddressRefusal) -> AddressPlace {
        let hasRoom = part(of: address).counts.withLock { counts in
            let count = counts[address] ?? 0
            guard count < maximum else { return false }
            counts[address] = count + 1
            return true
        }
        guard hasRoom else { throw .connections }
        let place = AddressPlace(address, in: self)
        if let rate, handshakes.withMoment(of: address, { rate.take(from: &$0, now: now) }) != nil {
            throw .handshakes
        }
        return place
    }

    /// Whether it is time for a message about an address.
    func mayTell(_ message: AddressMessage, of address: HashedKey, now: Int) -> Bool {
        silences[message.rawValue].begin(address, until: now + Self.silence, now: now)
    }

    fileprivate func leave(_ address: HashedKey) {
        part(of: address).counts.withLock { counts in
            let count = counts[address] ?? 0
            counts[address] = count > 1 ? count - 1 : nil
        }
    }

    private func part(of address: HashedKey) -> Part {
        parts[Int(truncatingIfNeeded: UInt(bitPattern: address.hashValue) % UInt(parts.count))]
    }
}

/// The place of one connection among those of its address. It is given up when the last reference goes: with the socket,
/// however that ends.
final class AddressPlace: Sendable {
    private let address: HashedKey
    private let table: AddressTable

    fileprivate init(_ address: HashedKey, in table: AddressTable) {
        self.address = address
        self.table = table
    }

    deinit {
        table.leave(address)
    }
}
