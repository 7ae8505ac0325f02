// One request and its response, from the head of the one to the last byte of the other.

internal import Bytes
internal import HTTP
internal import HTTP1
internal import MCP
internal import Policy

/// An exchange. Workers keep finished ones for reuse, so that serving a request allocates nothing.
final class Exchange {
    /// How far the exchange has come.
    enum Phase: Equatable {
        /// Waiting for the keys of an issuer.
        case awaitingKeys(IssuerID)
        /// Waiting until other bodies have gone, for there is no room for this one.
        case awaitingMemory
        /// Reading the body, on which the decision depends.
        case readingBody
        /// Waiting for the addresses of a host.
        case awaitingAddresses
        /// Waiting for room at the server: its endpoints have as many requests or connections as they may have.
        case awaitingRoom
        /// Waiting for a connection to the server.
        case connecting
        /// The request is on its way, or the response.
        case relaying

        /// Whether somebody else ends the wait.
        var isParked: Bool {
            switch self {
            case .awaitingKeys, .awaitingAddresses: true
            case .awaitingMemory, .readingBody, .awaitingRoom, .connecting, .relaying: false
            }
        }
    }

    /// Bytes of memory for bodies that an exchange keeps when it is used anew.
    private static let bodyMemory = 4096

    var client: ClientStream?
    var upstream: UpstreamStream?
    /// The connection attempt that the exchange waits for.
    var opening: UpstreamOpening?
    /// The configuration that the exchange started with.
    var generation: Generation
    var phase = Phase.relaying

    var request = RequestHead()
    var response = ResponseHead()
    /// What the head has won, until the body is judged.
    var clearance: HeadClearance?
    /// The right to send the request, until a connection is found for it.
    var permit: ForwardPermit?
    /// The right to this request's place at the server.
    var lease: UpstreamLease?

    /// Takes the body of the request apart.
    var requestBody = BodyDecoder(framing: .none, limits: MessageLimits())
    /// The body so far. It is held until the response begins, so that the request can be sent anew.
    var body = ByteBuffer()
    /// Bytes of the body, also when it is not held any more.
    var bodyLength = 0
    /// Bytes of the worker's memory for bodies that are set aside for this one.
    var reservedBytes = 0
    /// When waiting for memory ends, in milliseconds; nil if there was enough.
    var waitsForMemoryUntil: Int?
    /// Number of bytes of the body that are in the server's output, or behind it.
    var sentBodyBytes = 0
    /// Whether the whole request is in the server's output.
    var hasSentRequest = false
    /// Takes the body of the response apart.
    var responseBody = BodyDecoder(framing: .none, limits: MessageLimits())
    /// How the body goes on to the client.
    var responseFraming = BodyFraming.none
    /// The trace that it belongs to.
    var trace = ExchangeTrace()
    /// Whether the server's connection can serve another request after this one.
    var upstreamIsPersistent = false
    /// Whether the client's connection can serve another request after this one.
    var isPersistent = false
    /// Whether the head of the response is in the client's output.
    var hasResponded = false
    /// Whether the response is a stream of events.
    var isEventStream = false
    /// What the client gets for the session id in the response.
    var clientSessionID: [UInt8]?
    /// Rewrites the body of the response, nil if it goes on as it is.
    var rewriting: ResponseRewriting?
    /// Whether the body goes through `rewriting`.
    var isRewritten = false
    /// Reads along with the response for the id of a task, nil if none may come or nobody needs to know.
    var taskFinder: TaskFinder?
    /// Number of provisional responses so far.
    var informationalCount = 0
    /// Places that have failed this request.
    var triedPlaces: [UpstreamPlace] = []
    /// Whether the request can go to another place than the one that it has.
    var hasAlternatives = false
    /// What the exchange is known by where it waits for room, nil if it does not.
    var ticket: UInt64?
    /// Where it waits for room.
    var awaitedSlots: [EndpointSlots] = []
    /// Since when it waits there, in milliseconds.
    var awaitsRoomSince: Int?
    /// Whether a connection of the pool failed this exchange before.
    var hasRetried = false
    /// When the first octet of the body was awaited, in milliseconds.
    var bodyStart = 0
    /// When all of it must be over, in milliseconds; nil for a stream of events.
    var endsBy: Int?
    /// When connecting must be done, in milliseconds; nil before it began.
    var connectBy: Int?
    var record = AccessRecord()

    init(_ generation: Generation) {
        self.generation = generation
    }

    /// The configuration that the exchange started with.
    var snapshot: Snapshot { generation.snapshot }

    /// The route that the request is for, nil if none is known.
    var route: Route? { record.route.map { generation.snapshot.route($0) } }

    /// Makes the exchange ready for another request, keeping its memory.
    func recycle(for generation: Generation) {
        self.generation = generation
        client = nil
        upstream = nil
        opening = nil
        phase = .relaying
        request.removeAll()
        response.removeAll()
        permit = nil
        _ = lease.take()
        clearance = nil
        forgetBody()
        bodyLength = 0
        waitsForMemoryUntil = nil
        sentBodyBytes = 0
        hasSentRequest = false
        trace = ExchangeTrace()
        upstreamIsPersistent = false
        isPersistent = false
        hasResponded = false
        isEventStream = false
        clientSessionID = nil
        rewriting = nil
        isRewritten = false
        taskFinder = nil
        informationalCount = 0
        triedPlaces.removeAll()
        hasAlternatives = false
        ticket = nil
        awaitedSlots = []
        awaitsRoomSince = nil
        hasRetried = false
        bodyStart = 0
        endsBy = nil
        connectBy = nil
        record = AccessRecord()
    }

    /// The browser origin that may read the answer, nil if no browser asked.
    var origin: String? { lease?.permit.origin ?? permit?.origin ?? clearance?.origin }

    /// Adds octets to the body.
    func take(_ octets: borrowing Span<UInt8>) {
        bodyLength += octets.count
        body.append(octets)
    }

    /// Forgets the body, of which no more than a little memory stays.
    func forgetBody() {
        if body.capacity > Self.bodyMemory { body.release() } else { body.removeAll() }
    }

    /// What the head of the response needs to know.
    func responseFacts(date: String) -> ClientResponse.Facts {
        ClientResponse.Facts(
            date: date,
            crossOrigin: crossOrigin,
            framing: responseFraming,
            isEventStream: isEventStream,
            sessionID: clientSessionID
        )
    }

    private var crossOrigin: [LocalResponse.Field] {
        guard let route else { return [] }
        return CrossOrigin.fields(for: origin, at: route)
    }

    /// Frees what the heads hold: a stream of events may live for days.
    func releaseHeads() {
        body.release()
        request.bytes.release()
        request.fields = FieldTable()
        response.bytes.release()
        response.fields = FieldTable()
    }
}
