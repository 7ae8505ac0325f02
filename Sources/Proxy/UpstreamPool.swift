// Connections to servers that can take a request, and the only way to one: a permit.

internal import OpenSSL
internal import Policy
internal import Transport

/// A place at a server for one request. It holds the permit that was spent for it.
struct UpstreamLease: ~Copyable {
    /// The permit.
    let permit: ForwardPermit
    /// Where the request goes.
    fileprivate(set) var place: UpstreamPlace

    fileprivate init(permit: consuming ForwardPermit, place: UpstreamPlace) {
        self.permit = permit
        self.place = place
    }

    /// Takes the connection that became idle last, nil if there is none.
    func takeIdle() -> ConnectionID? { place.idle.popLast() }

    /// The connections that can carry the request beside others.
    var shared: [ConnectionID] { place.shared }
}

/// An endpoint as one worker knows it: with its connections.
final class UpstreamPlace {
    private let published: PublishedEndpoint
    /// Whether the endpoint prefers HTTP/1.1, whatever was hoped for.
    var refusesHTTP2 = false
    /// Idle connections of HTTP/1.1.
    fileprivate var idle: [ConnectionID] = []
    /// Connections of HTTP/2.
    fileprivate var shared: [ConnectionID] = []
    /// A connection attempt that requests may wait for together.
    private(set) var opening: ConnectionID?
    /// What the next TLS handshake can resume.
    var resumption: TLSResumption?
    /// Whether no route has the endpoint any more: its connections end with what they carry.
    private(set) var isRetired = false

    fileprivate init(_ published: PublishedEndpoint) {
        self.published = published
    }

    /// Where it is.
    var endpoint: Endpoint { published.endpoint }

    /// How TLS is spoken with it, nil for cleartext.
    var tls: UpstreamTLS? { published.tls }

    /// Whether new connections are to carry HTTP/2.
    var wantsHTTP2: Bool { published.speaksHTTP2 && !refusesHTTP2 }

    /// Retires the place, and returns the connections that nobody uses and nobody will.
    fileprivate func retire() -> [ConnectionID] {
        isRetired = true
        defer { idle = [] }
        return idle + shared
    }

    // MARK: - HTTP/1.1

    /// Keeps an idle connection; false if there are `maximum` of them already, or the place is retired.
    func keep(_ id: ConnectionID, maximum: Int) -> Bool {
        guard idle.count < maximum, !isRetired else { return false }
        idle.append(id)
        return true
    }

    /// Forgets an idle connection that is gone.
    func forget(idle id: ConnectionID) {
        idle.removeAll { $0 == id }
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

/// The places of one worker at all endpoints, by the numbers that the publications give them.
struct UpstreamPool {
    private var places: [UpstreamPlace] = []
    private var turn = 0
    /// Where an idle connection was looked for last.
    private var nextIdlePlace = 0

    /// Takes over the endpoints of a publication; places that stay are kept with their connections.
    ///
    /// - Returns: The connections that nobody uses and nobody will.
    mutating func adopt(_ publication: Publication) -> [ConnectionID] {
        let unused = publication.retiredPlaces.flatMap { places[$0].retire() }
        for number in publication.newPlaces {
            let place = UpstreamPlace(publication.places[number])
            if number < places.count { places[number] = place } else { places.append(place) }
        }
        return unused
    }

    /// The place with this number.
    func place(_ number: Int) -> UpstreamPlace { places[number] }

    /// Spends a permit for a place at one of the route's endpoints: the one that holds the session, or each in turn.
    mutating func checkOut(_ permit: consuming ForwardPermit, _ generation: Generation) -> UpstreamLease {
        let choices = generation.endpoints(of: permit.route)
        turn &+= 1
        let number =
            if let own = permit.session?.endpoint {
                choices[own]
            } else if choices.count == 1 {
                choices[0]
            } else {
                choices[Int(turn.magnitude % UInt(choices.count))]
            }
        return UpstreamLease(permit: permit, place: places[number])
    }

    /// Moves a lease on to the next of the route's endpoints, for a request that no endpoint has taken.
    func moveOn(_ lease: inout UpstreamLease, among choices: [Int]) {
        let index = choices.firstIndex { places[$0] === lease.place } ?? 0
        lease.place = places[choices[(index + 1) % choices.count]]
    }

    /// The connection that has been idle for longest at some endpoint, each endpoint in turn; nil if none is idle.
    mutating func nextIdle() -> ConnectionID? {
        for _ in places.indices {
            nextIdlePlace = (nextIdlePlace + 1) % places.count
            if let id = places[nextIdlePlace].idle.first { return id }
        }
        return nil
    }

    /// All connections that can carry many requests.
    var allShared: some Sequence<ConnectionID> { places.lazy.flatMap(\.shared) }
}
