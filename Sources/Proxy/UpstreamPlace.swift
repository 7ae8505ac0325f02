// A place at a server: an endpoint at one address, as one worker knows it.

internal import MCP
internal import OpenSSL
internal import Policy
internal import Transport

/// What one worker has counted at an endpoint, and how many of what are there now.
struct EndpointCounts {
    /// Requests that were sent there.
    var requests = 0
    /// Attempts to connect that failed.
    var failures = 0
    /// Connections that are open.
    var connections = 0
    /// Connections that wait for a request.
    var idle = 0
    /// Requests that are there.
    var active = 0
    /// When a connection was made last, and when an attempt failed last: milliseconds since the Unix epoch.
    var connectedAt = 0, failedAt = 0
}

/// The counters of an endpoint, which its places share.
final class EndpointTally {
    /// The number of the endpoint, which is the row of its counters.
    let number: Int
    var counts = EndpointCounts()
    /// Whether something of `counts` has changed that nobody was told of.
    var hasChanged = false
    /// Whether no route has the endpoint any more: its row may belong to another one.
    var isRetired = false

    init(number: Int) {
        self.number = number
    }
}

/// An endpoint at one of its addresses, as one worker knows it: with its connections and what is under way there.
final class UpstreamPlace {
    /// The endpoint.
    let published: PublishedEndpoint
    /// The counters of the endpoint.
    let tally: EndpointTally
    /// Its address.
    let address: SocketAddress
    /// What tells the place from others, in session ids and for tasks.
    let tag: PlaceTag
    /// The place as logs show it: with its address, if the endpoint has a name.
    let name: String
    /// Whether the place takes its share.
    var standing: Standing
    /// Whether the process wants to know of the next success here.
    var isUnproven = true
    /// Requests of this worker that are under way here.
    private(set) var requests = 0
    /// Those that only listen.
    private(set) var listeners = 0
    /// Client streams whose requests wait for a connection to this place, those that wait longest first; some may have
    /// left.
    var awaitingConnection: [ConnectionID] = []
    /// Whether the endpoint prefers HTTP/1.1, whatever was hoped for.
    var refusesHTTP2 = false
    /// Idle connections of HTTP/1.1.
    private var idle: [ConnectionID] = []
    /// Connections of HTTP/2.
    private(set) var shared: [ConnectionID] = []
    /// A connection attempt that requests may wait for together.
    private(set) var opening: ConnectionID?
    /// What the next TLS handshake can resume.
    var resumption: TLSResumption?
    /// Whether nobody comes here any more: no route has the endpoint, or the name has not the address. The connections
    /// end with what they carry.
    private(set) var isRetired = false

    /// Makes a place without connections.
    ///
    /// - Parameters:
    ///   - published: The endpoint.
    ///   - address: Its address.
    ///   - standing: How it stands.
    ///   - tally: The counters of the endpoint.
    init(
        _ published: PublishedEndpoint,
        at address: SocketAddress,
        standing: Standing,
        tally: EndpointTally
    ) {
        self.published = published
        self.tally = tally
        self.address = address
        self.standing = standing
        let ownAddress = published.fixedAddress == nil ? address.host : nil
        tag = published.endpoint.tag(atAddress: ownAddress)
        name = published.endpoint.name + (ownAddress.map { " at \($0)" } ?? "")
    }

    /// Where it is.
    var endpoint: Endpoint { published.endpoint }

    /// How TLS is spoken with it, nil for cleartext.
    var tls: UpstreamTLS? { published.tls }

    /// Whether new connections are to carry HTTP/2.
    var wantsHTTP2: Bool { published.speaksHTTP2 && !refusesHTTP2 }

    /// Retires the place, and returns the connections that nobody uses and nobody will.
    func retire() -> [ConnectionID] {
        isRetired = true
        tally.counts.idle -= idle.count
        defer { idle = [] }
        return idle + shared
    }

    // MARK: - Load

    /// What a new request is weighed by: those like it that are under way.
    func load(listening: Bool) -> Int { listening ? listeners : requests }

    /// A request has come, or has left.
    fileprivate func count(_ change: Int, listening: Bool) {
        if listening { listeners += change } else { requests += change }
    }

    // MARK: - HTTP/1.1

    /// Takes the connection that became idle last, nil if there is none.
    func takeIdle() -> ConnectionID? {
        if !idle.isEmpty { tally.counts.idle -= 1 }
        return idle.popLast()
    }

    /// The connection that has been idle for longest, nil if there is none.
    var longestIdle: ConnectionID? { idle.first }

    /// Keeps an idle connection; false if there are `maximum` of them already, or the place is retired.
    func keep(_ id: ConnectionID, maximum: Int) -> Bool {
        guard idle.count < maximum, !isRetired else { return false }
        idle.append(id)
        tally.counts.idle += 1
        return true
    }

    /// Forgets an idle connection that is gone.
    func forget(idle id: ConnectionID) {
        tally.counts.idle -= idle.count
        idle.removeAll { $0 == id }
        tally.counts.idle += idle.count
    }

    // MARK: - HTTP/2

    /// Notes an attempt that will carry many requests.
    func note(opening id: ConnectionID) {
        opening = id
    }

    /// Forgets an attempt that is over.
    func forget(opening id: ConnectionID) {
        if opening == id { opening = nil }
    }

    /// Notes a connection that can carry many requests.
    func note(connection id: ConnectionID) {
        shared.append(id)
    }

    /// Forgets a connection that takes no more requests.
    func forget(connection id: ConnectionID) {
        shared.removeAll { $0 == id }
    }
}

/// A request's seat at a place: it counts there for as long as the seat is held.
struct UpstreamSeat: ~Copyable {
    /// The place.
    let place: UpstreamPlace
    private let listens: Bool
    /// What the request takes of the endpoint's limit, nil if it takes nothing.
    private let slot: EndpointSlot?

    /// Takes a seat.
    init(at place: UpstreamPlace, listening: Bool, slot: EndpointSlot?) {
        self.place = place
        listens = listening
        self.slot = slot
        place.count(1, listening: listening)
    }

    deinit { place.count(-1, listening: listens) }
}
