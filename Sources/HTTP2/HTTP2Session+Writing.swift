// What is sent: heads and bodies of streams, windows, and the end of the connection.

public import Bytes
public import HTTP

extension HTTP2Session {
    // MARK: Streams

    /// Sends the head of the response. The first field is `:status`; the body comes from `stream.output`.
    public func respond(on stream: HTTP2Stream, fields: borrowing FieldBlock, endsStream: Bool) {
        guard !stream.isClosed else { return }
        native.submitResponse(stream.id, fields, endsStream: endsStream)
    }

    /// Sends an informational head (1xx), after which others follow.
    public func respondProvisionally(on stream: HTTP2Stream, fields: borrowing FieldBlock) {
        guard !stream.isClosed else { return }
        native.submitInformational(stream.id, fields)
    }

    /// Sends the head of a request, whose first field is `:method`; the body comes from the stream's `output`.
    ///
    /// - Returns: The new stream; nil if none can be opened: the peer's limit or ours is reached, the peer has sent
    ///   GOAWAY, or identifiers are used up.
    public func request(_ fields: borrowing FieldBlock, endsStream: Bool) -> HTTP2Stream? {
        guard canOpenStream, let id = native.submitRequest(fields, endsStream: endsStream) else { return nil }
        let method = fields.lines.first.map { Method(fields.bytes.span.extracting($0.value)) }
        let stream = HTTP2Stream(id: id, method: method ?? .other)
        streams.append(stream)
        return stream
    }

    /// Tells that there is more in `stream.output`.
    public func resume(_ stream: HTTP2Stream) {
        guard stream.isDeferred, !stream.isClosed else { return }
        stream.isDeferred = false
        native.resume(stream.id)
    }

    /// Tells that `stream.output` holds the end of the body.
    public func finish(_ stream: HTTP2Stream) {
        stream.isFinished = true
        resume(stream)
    }

    /// Resets the stream; `closed` follows.
    public func reset(_ stream: HTTP2Stream, code: UInt32) {
        guard !stream.isClosed, !stream.isReset else { return }
        stream.isReset = true
        native.submitReset(stream.id, code: code)
    }

    /// Opens the windows of stream and connection by `count` body octets, which have left towards the other side.
    public func consume(_ count: Int, of stream: HTTP2Stream) {
        native.consume(count, of: stream.id)
    }

    /// Opens the connection's window alone, by body octets of a stream that is gone.
    public func consumeOfClosed(_ count: Int) {
        native.consumeConnection(count)
    }

    /// How many streams are open.
    public var openStreams: Int { streams.count }

    /// Whether `request` would open a stream.
    public var canOpenStream: Bool {
        role == .client && failure == nil && streams.count < min(limits.streams, native.remoteStreamLimit)
            && native.allowsRequests
    }

    // MARK: The connection

    /// Announces the end: GOAWAY with the highest identifier, so that streams under way to us are still served.
    public func announceShutdown() {
        native.submitShutdownNotice()
    }

    /// Takes no new streams: GOAWAY with the last one that was processed. Open streams go on.
    public func shutDown() {
        native.submitGoAway()
    }

    /// Ends the connection with GOAWAY; nothing else is read or sent.
    public func terminate(_ failure: HTTP2Failure) {
        self.failure = failure
        native.terminate(code: failure.code)
    }

    /// Whether `write` would append something.
    public var wantsToWrite: Bool { !outgoing.isEmpty || native.wantsToWrite }

    /// Whether the session neither reads nor writes any more.
    public var isOver: Bool { outgoing.isEmpty && !native.wantsToRead && !native.wantsToWrite }

    /// Appends frames until nothing is left to be sent or `output` holds at least `mark` bytes.
    public func write(into output: inout ByteBuffer, upTo mark: Int) {
        if !outgoing.isEmpty {
            output.append(outgoing.span)
            outgoing.release()
        }
        swap(&output, &outgoing)
        dataMark = mark
        while outgoing.count < mark, native.takeOutput({ outgoing.append($0) }) {}
        swap(&output, &outgoing)
        for stream in progressed { stream.releaseEmpty() }
        appendClosings()
    }

    /// Hands out the streams of which octets were written since the last call, each once, oldest first.
    public func takeProgressed(_ body: (HTTP2Stream) -> Void) {
        guard !progressed.isEmpty else { return }
        var taken: [HTTP2Stream] = []
        swap(&taken, &progressed)
        for stream in taken {
            stream.isListed = false
            body(stream)
        }
        guard progressed.isEmpty else { return }
        taken.removeAll(keepingCapacity: true)
        swap(&taken, &progressed)
    }

    // MARK: Called by nghttp2 while it writes

    /// How many octets of the stream's body may be sent now, up to `room`, or why none.
    func unsentData(_ id: Int32, room: Int, isEnd: inout Bool) -> Int {
        guard outgoing.count < dataMark else { return SessionCallbacks.Refusal.pause }
        guard let stream = streams.stream(id) else { return SessionCallbacks.Refusal.deferred }
        let unsent = stream.unsent
        guard unsent > 0 || stream.isFinished else {
            stream.isDeferred = true
            return SessionCallbacks.Refusal.deferred
        }
        isEnd = stream.isFinished && unsent <= room
        return min(unsent, room)
    }

    /// Appends a DATA frame with `count` octets of the stream's body.
    func sendData(_ id: Int32, header: borrowing Span<UInt8>, _ count: Int) {
        guard let stream = streams.stream(id) else { return }
        outgoing.append(header)
        stream.send(count, to: &outgoing)
        dataWasSent()
        guard count > 0, !stream.isListed else { return }
        stream.isListed = true
        progressed.append(stream)
    }

    /// A RST_STREAM has left: the owner asked for it, or the peer provoked it.
    func resetWasSent(_ id: Int32) {
        if streams.stream(id)?.isReset != true { reading.provokedResets += 1 }
    }

    /// A GOAWAY has left that ends the connection, because of nghttp2's own finding if there was none before.
    func goAwayWasSent(_ reason: String) {
        if failure == nil { failure = .protocolError(reason.isEmpty ? "protocol error" : reason) }
    }

    /// A HEADERS frame could not be sent: a request of which the peer knows nothing, as it has sent GOAWAY.
    func headersWereNotSent(_ id: Int32) {
        if role == .client { streams.stream(id)?.isRefused = true }
    }
}

extension HTTP2Failure {
    /// The error code of the GOAWAY.
    var code: UInt32 {
        switch self {
        case .limit: HTTP2ErrorCode.enhanceYourCalm
        case .protocolError: HTTP2ErrorCode.protocolError
        }
    }
}
