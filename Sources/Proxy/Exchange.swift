// One request and its response, from the head of the one to the last byte of the other.

internal import Bytes
internal import HTTP
internal import HTTP1
internal import Policy

/// An exchange. Workers keep finished ones for reuse, so that serving a request allocates nothing.
final class Exchange {
    /// How far the exchange has come.
    enum Phase: Equatable {
        /// Waiting for the keys of an issuer.
        case awaitingKeys(IssuerID)
        /// Waiting for the addresses of a host.
        case awaitingAddresses
        /// Waiting for a connection to the server.
        case connecting
        /// The request is on its way, or the response.
        case relaying
    }

    /// Bytes of memory for bodies that an exchange keeps when it is used anew.
    private static let replayMemory = 4096

    var client: ClientStream?
    var upstream: UpstreamStream?
    /// The connection attempt that the exchange waits for.
    var opening: UpstreamOpening?
    /// The configuration that the exchange started with.
    var snapshot: Snapshot?
    var phase = Phase.relaying

    var request = RequestHead()
    var response = ResponseHead()
    /// The right to send the request, until a connection is found for it.
    var permit: ForwardPermit?
    /// The right to this request's place at the server.
    var lease: UpstreamLease?

    /// Takes the body of the request apart.
    var requestBody = BodyDecoder(framing: .none, limits: MessageLimits())
    /// How the body goes on to the server.
    var requestFraming = BodyFraming.none
    /// Bytes of the request's body so far.
    var requestBodyBytes = 0
    /// The body so far, for sending the request anew; nothing if that is out of the question.
    var replay = ByteBuffer()
    /// Whether `replay` holds all of the body so far.
    var canReplay = true
    /// Whether the whole request is in the server's output.
    var hasSentRequest = false
    /// Takes the body of the response apart.
    var responseBody = BodyDecoder(framing: .none, limits: MessageLimits())
    /// How the body goes on to the client.
    var responseFraming = BodyFraming.none
    /// Whether the client's trace context goes on to the server.
    var continuesTrace = false
    /// Whether the server's connection can serve another request after this one.
    var upstreamIsPersistent = false
    /// Whether the client's connection can serve another request after this one.
    var isPersistent = false
    /// Whether the head of the response is in the client's output.
    var hasResponded = false
    /// Whether the response is a stream of events.
    var isEventStream = false
    /// Number of provisional responses so far.
    var informationalCount = 0
    /// Addresses of the endpoint that were tried already.
    var triedAddresses = 0
    /// Endpoints of the route that were tried before this one.
    var triedEndpoints = 0
    /// Whether a connection of the pool failed this exchange before.
    var hasRetried = false
    /// When connecting must be done, in milliseconds; nil before it began.
    var connectBy: Int?
    var record = AccessRecord()

    /// Makes the exchange ready for another request, keeping its memory.
    func recycle() {
        client = nil
        upstream = nil
        opening = nil
        snapshot = nil
        phase = .relaying
        request.removeAll()
        response.removeAll()
        permit = nil
        lease = nil
        requestBodyBytes = 0
        forgetBody()
        canReplay = true
        hasSentRequest = false
        continuesTrace = false
        upstreamIsPersistent = false
        isPersistent = false
        hasResponded = false
        isEventStream = false
        informationalCount = 0
        triedAddresses = 0
        triedEndpoints = 0
        hasRetried = false
        connectBy = nil
        record = AccessRecord()
    }

    /// Moves on to the next endpoint of the route; false if all were tried.
    func moveOn(in pool: UpstreamPool) -> Bool {
        guard let route = record.route, triedEndpoints + 1 < pool.endpointCount(of: route),
            var current = lease.take()
        else { return false }
        pool.moveOn(&current)
        triedEndpoints += 1
        triedAddresses = 0
        record.endpoint = pool.endpoint(current.endpoint).name
        lease = consume current
        return true
    }

    /// Whether policy has let the request pass, so that its body may be read.
    var mayReadBody: Bool {
        if case .awaitingKeys = phase { false } else { true }
    }

    /// Keeps octets of the body for sending the request anew, unless they are more than `limit`.
    func keepBody(_ octets: borrowing Span<UInt8>, limit: Int) {
        requestBodyBytes += octets.count
        guard canReplay, requestBodyBytes <= limit else {
            canReplay = false
            return forgetBody()
        }
        replay.append(octets)
    }

    /// Forgets the body, of which no more than a little memory stays.
    func forgetBody() {
        if replay.capacity > Self.replayMemory { replay.release() } else { replay.removeAll() }
    }

    /// What the head of the response needs to know.
    func responseFacts(date: String) -> ClientResponse.Facts {
        ClientResponse.Facts(
            date: date,
            crossOrigin: crossOrigin,
            framing: responseFraming,
            isEventStream: isEventStream
        )
    }

    private var crossOrigin: [LocalResponse.Field] {
        guard let route = record.route, let snapshot else { return [] }
        return CrossOrigin.fields(for: lease?.permit.origin, at: snapshot.route(route))
    }

    /// Frees what the heads hold: a stream of events may live for days.
    func releaseHeads() {
        replay.release()
        request.bytes.release()
        request.fields = FieldTable()
        response.bytes.release()
        response.fields = FieldTable()
    }
}
