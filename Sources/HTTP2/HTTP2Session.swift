// One HTTP/2 connection without a socket: octets in, events out, and back.

internal import Bytes
internal import CNghttp2
public import HTTP

/// One nghttp2 session with audgate's own limits and rules around it.
///
/// Never re-entered: what nghttp2 calls while it reads or writes (`HTTP2Session+Reading`, `HTTP2Session+Writing`) only
/// stores and appends; everything else happens when nghttp2 has returned. Time is in milliseconds of any clock that
/// does not go back.
public final class HTTP2Session {
    let role: HTTP2Role
    let limits: HTTP2Limits
    let native: NativeSession
    var streams = StreamTable()

    // Reading
    private var scanner: FrameScanner
    private var budget: FrameBudget
    private var events: [HTTP2Event] = []
    private var nextEvent = 0
    var reading = FrameReading()
    var section = FieldSection()
    private var requestHead = RequestHead()
    private var responseHead = ResponseHead()
    private var isGoingAway = false
    /// Whether the peer has said what it allows: before that, more streams may be opened than it takes.
    public internal(set) var hasPeerSettings = false
    /// What ended the connection.
    var failure: HTTP2Failure?

    // Writing

    /// Frames that were taken from nghttp2 and not yet by the owner.
    var outgoing = ByteBuffer()
    /// DATA is appended while `outgoing` holds fewer octets.
    var dataMark = 0
    var progressed: [HTTP2Stream] = []

    /// Makes one side of a connection. SETTINGS, a client's preface and the connection's window are to be written.
    public init(role: HTTP2Role, limits: HTTP2Limits) {
        self.role = role
        self.limits = limits
        scanner = FrameScanner(role: role, limits: limits)
        budget = FrameBudget(limits: limits)
        native = NativeSession(role: role, limits: limits)
        native.setOwner(self)
    }

    // MARK: Reading

    /// The next event out of `input` from `offset` on; nil when the input is used up.
    ///
    /// At most one frame is read before its events are handed out. Events also arise from writing (a stream closes
    /// when its last octets leave), so this is called after `write`, too, with no input if there is none; `hasEvents`
    /// tells. A head that an event announces must be taken before the next call. An owner whose own output is not
    /// taken stops reading, as answers to PING and SETTINGS and resets are held until they are written.
    ///
    /// - Throws: What ended the connection, again at each call. `terminate` tells the peer.
    public func next(
        _ input: borrowing Span<UInt8>,
        at offset: inout Int,
        now: Int
    ) throws(HTTP2Failure) -> HTTP2Event? {
        while true {
            if let event = nextWaitingEvent() { return event }
            if let failure { throw failure }
            budget.advance(to: now)
            do {
                guard try read(input, &offset) else { break }
            } catch {
                failure = error
            }
        }
        releaseHeads()
        return nil
    }

    /// Whether events wait that came without input.
    public var hasEvents: Bool { nextEvent < events.count }

    /// Whether the head of a message has begun and not ended.
    public var isInHeaderBlock: Bool { !scanner.isBetweenBlocks }

    /// Gives the head that `request` or `refusedRequest` announced, in exchange for the memory of `head`.
    public func takeRequest(into head: inout RequestHead) {
        swap(&head, &requestHead)
    }

    /// Gives the head that `response` announced, in exchange for the memory of `head`.
    public func takeResponse(into head: inout ResponseHead) {
        swap(&head, &responseHead)
    }

    private func nextWaitingEvent() -> HTTP2Event? {
        guard nextEvent < events.count else { return nil }
        defer {
            nextEvent += 1
            if nextEvent == events.count {
                events.removeAll(keepingCapacity: true)
                nextEvent = 0
            }
        }
        return events[nextEvent]
    }

    /// Reads one frame, or what there is of it; `false` if there is no more input.
    private func read(_ input: borrowing Span<UInt8>, _ offset: inout Int) throws(HTTP2Failure) -> Bool {
        let status: Int
        reading.begin()
        defer { appendClosings() }
        switch try scanner.next(input, at: &offset, budget: &budget) {
        case .nothing: return false
        case .held(let octets): status = receive(octets.span, at: 0)
        case .input(let range): status = receive(input.extracting(range), at: range.start)
        }
        if let failure { throw failure }
        guard status == 0 else { throw Self.failure(ofStatus: status) }
        if scanner.isAtFrameEnd, !reading.isRegular { try settleIrregularFrame() }
        if let head = reading.takeHead() { try settleHead(head) }
        return true
    }

    /// Why nghttp2 gave up.
    private static func failure(ofStatus status: Int) -> HTTP2Failure {
        switch Int32(clamping: status) {
        case NGHTTP2_ERR_FLOODED.rawValue: .limit(.pingFrames)
        case NGHTTP2_ERR_TOO_MANY_CONTINUATIONS.rawValue: .limit(.continuationFrames)
        case NGHTTP2_ERR_BAD_CLIENT_MAGIC.rawValue: .protocolError("no client preface")
        default: .protocolError("nghttp2 gave up")
        }
    }

    /// Takes what nghttp2 has to say to a frame that did not end as frames do, so that the end of the connection and
    /// the reset of a stream are known where they arose.
    private func settleIrregularFrame() throws(HTTP2Failure) {
        dataMark = 0
        while native.takeOutput({ outgoing.append($0) }) {}
        let resets = reading.provokedResets
        reading.provokedResets = 0
        if let failure { throw failure }
        if resets > 0 { try budget.spend(resets, of: .resets) }
    }

    /// Gives out the head that has come.
    private func settleHead(_ head: FrameReading.Head) throws(HTTP2Failure) {
        switch section.kind {
        case .request:
            let stream = HTTP2Stream(id: head.id, method: .other)
            streams.append(stream)
            do throws(MessageViolation) {
                try requestHead.take(&section, endsStream: head.endsStream, limits: limits.messages)
                append(.request(stream, endsStream: head.endsStream))
            } catch {
                append(.refusedRequest(stream, error))
            }
        case .response:
            guard let stream = head.known else { return }
            do throws(MessageViolation) {
                try responseHead.take(&section, endsStream: head.endsStream, answering: stream.method)
                stream.hasResponse = !responseHead.isInformational
                append(.response(stream, endsStream: head.endsStream))
            } catch {
                reset(stream, code: HTTP2ErrorCode.protocolError)
                append(.refusedResponse(stream, error))
            }
        case .trailers:
            guard let stream = head.known else { return }
            guard section.violation == nil else {
                reset(stream, code: HTTP2ErrorCode.protocolError)
                return try budget.spend(1, of: .resets)
            }
            append(.end(stream))
        }
    }

    /// A DATA frame was sent, for which the peer may open two windows.
    func dataWasSent() {
        budget.earn(2, of: .windowUpdates)
    }

    /// Holds no memory for heads between the batches of input, as most connections idle most of the time.
    private func releaseHeads() {
        guard scanner.isBetweenBlocks else { return }
        if requestHead.bytes.capacity > 0 { requestHead = RequestHead() }
        if responseHead.bytes.capacity > 0 { responseHead = ResponseHead() }
        if section.bytes.capacity > 0 { section = FieldSection() }
    }

    private func receive(_ octets: borrowing Span<UInt8>, at position: Int) -> Int {
        native.receive(octets) { address in reading.place(octetsAt: address, as: position) }
    }

    /// Gives out the streams that closed, behind whatever their last frame was.
    func appendClosings() {
        for (stream, code) in reading.closings { events.append(.closed(stream, code: code)) }
        if !reading.closings.isEmpty { reading.closings.removeAll(keepingCapacity: true) }
    }

    func append(_ event: HTTP2Event) {
        if case .goAway = event {
            guard !isGoingAway else { return }
            isGoingAway = true
        }
        events.append(event)
    }
}
