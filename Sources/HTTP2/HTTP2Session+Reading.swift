// What nghttp2 calls while it reads: fields are stored and events appended, and nghttp2 is not called.

internal import Bytes
internal import CNghttp2
internal import HTTP

extension HTTP2Session {
    /// A header block begins.
    func headersBegan(_ id: Int32, _ category: nghttp2_headers_category) {
        reading.fieldViolation = nil
        switch role {
        case .server: section.begin(category == NGHTTP2_HCAT_REQUEST ? .request : .trailers)
        // Other heads may stand before the final one (RFC 9113 §8.1), so the category does not tell.
        case .client: section.begin(streams.stream(id)?.hasResponse == true ? .trailers : .response)
        }
    }

    /// A field of the header block; `false` if no more of them may come.
    func fieldCame(_ name: borrowing Span<UInt8>, _ value: borrowing Span<UInt8>) -> Bool {
        guard section.append(name, value, limits: limits.messages) else {
            failure = .limit(.headerBytes)
            return false
        }
        return true
    }

    /// A field that nghttp2 refuses; its stream will be reset.
    func invalidFieldCame(_ name: borrowing Span<UInt8>) {
        var isName = !name.isEmpty
        for index in name.indices where !ASCII.isTokenCharacter(name[index]) { isName = false }
        reading.fieldViolation = isName ? .invalidFieldValue : .invalidFieldName
    }

    /// Octets of a body, which stand in the input.
    func dataCame(_ id: Int32, at address: UInt, _ count: Int) {
        guard count > 0, let stream = streams.stream(id) else { return }
        append(.data(stream, reading.range(of: count, at: address)))
    }

    /// A frame, with all that belongs to it, has come and is good.
    func frameEnded(_ type: FrameType?, _ id: Int32, _ flags: UInt8) {
        // A change of the windows may reset streams, though the frame is good.
        reading.isRegular = type != .settings
        let endsStream = flags & FrameHeader.endStream != 0
        switch type {
        case .data:
            if endsStream, let stream = streams.stream(id) { append(.end(stream)) }
        case .settings: if flags & FrameHeader.acknowledgement == 0 { hasPeerSettings = true }
        case .headers: reading.note(.init(id: id, known: streams.stream(id), endsStream: endsStream))
        case .resetStream:
            if role == .client, streams.stream(id) == nil { noteProvokedReset() }
        case .goAway: append(.goAway)
        default: break
        }
    }

    /// A request that nghttp2 refuses; its stream will be reset.
    func malformedRequestCame() {
        append(.malformed(reading.fieldViolation ?? section.violation ?? .malformedMessage))
    }

    /// A stream is gone.
    func streamClosed(_ id: Int32, code: UInt32) {
        guard let stream = streams.remove(id) else { return }
        stream.isClosed = true
        if role == .client, !stream.isReset, code == HTTP2ErrorCode.refusedStream { stream.isRefused = true }
        reading.closings.append((stream, code))
    }

    private func noteProvokedReset() {
        reading.isRegular = false
        reading.provokedResets += 1
    }
}
