// What nghttp2 calls while it reads and writes: each call becomes one call of the session, and nothing else.

internal import Bytes
internal import CNghttp2

/// The callbacks, whose `user_data` is the session.
///
/// Invariant of the unsafe code: nghttp2 calls only while a method of the session runs, so the session is alive, and
/// the pointers that it hands in are valid during the call. No callback calls nghttp2.
enum SessionCallbacks {
    /// Why a callback stops what nghttp2 does.
    enum Refusal {
        /// No more fields of this header block.
        static let temporary = NGHTTP2_ERR_TEMPORAL_CALLBACK_FAILURE.rawValue
        /// No octets of this stream now.
        static let deferred = Int(NGHTTP2_ERR_DEFERRED.rawValue)
        /// No octets of any stream now.
        static let pause = Int(NGHTTP2_ERR_PAUSE.rawValue)
    }

    /// Sets all callbacks.
    static func install(in callbacks: OpaquePointer) {
        unsafe installForHeads(callbacks)
        unsafe installForFrames(callbacks)
        unsafe installForWriting(callbacks)
    }

    private static func installForHeads(_ callbacks: OpaquePointer) {
        unsafe nghttp2_session_callbacks_set_on_begin_headers_callback(callbacks) { _, frame, owner in
            guard let frame = unsafe frame else { return 0 }
            let (id, category) = unsafe (frame.pointee.hd.stream_id, frame.pointee.headers.cat)
            unsafe SessionCallbacks.call(owner) { $0.headersBegan(id, category) }
            return 0
        }
        unsafe nghttp2_session_callbacks_set_on_header_callback(callbacks) {
            _,
            _,
            name,
            nameLength,
            value,
            valueLength,
            _,
            owner in
            guard let name = unsafe name, let value = unsafe value else { return 0 }
            var isRoom = true
            unsafe SessionCallbacks.call(owner) { session in
                isRoom = unsafe session.fieldCame(
                    Span(_unsafeStart: name, count: nameLength),
                    Span(_unsafeStart: value, count: valueLength)
                )
            }
            return isRoom ? 0 : Refusal.temporary
        }
        unsafe nghttp2_session_callbacks_set_on_invalid_header_callback(callbacks) {
            _,
            _,
            name,
            nameLength,
            _,
            _,
            _,
            owner in
            guard let name = unsafe name else { return Refusal.temporary }
            unsafe SessionCallbacks.call(owner) { session in
                unsafe session.invalidFieldCame(Span(_unsafeStart: name, count: nameLength))
            }
            return Refusal.temporary
        }
    }

    private static func installForFrames(_ callbacks: OpaquePointer) {
        unsafe nghttp2_session_callbacks_set_on_data_chunk_recv_callback(callbacks) {
            _,
            _,
            id,
            octets,
            count,
            owner in
            let address = UInt(bitPattern: octets)
            unsafe SessionCallbacks.call(owner) { $0.dataCame(id, at: address, count) }
            return 0
        }
        unsafe nghttp2_session_callbacks_set_on_frame_recv_callback(callbacks) { _, frame, owner in
            guard let header = unsafe frame?.pointee.hd else { return 0 }
            let type = FrameType(rawValue: header.type)
            unsafe SessionCallbacks.call(owner) { $0.frameEnded(type, header.stream_id, header.flags) }
            return 0
        }
        unsafe nghttp2_session_callbacks_set_on_invalid_frame_recv_callback(callbacks) {
            _,
            frame,
            code,
            owner in
            guard let frame = unsafe frame,
                unsafe frame.pointee.hd.type == FrameType.headers.rawValue,
                unsafe frame.pointee.headers.cat == NGHTTP2_HCAT_REQUEST,
                code == NGHTTP2_ERR_HTTP_HEADER.rawValue || code == NGHTTP2_ERR_HTTP_MESSAGING.rawValue
            else { return 0 }
            unsafe SessionCallbacks.call(owner) { $0.malformedRequestCame() }
            return 0
        }
        unsafe nghttp2_session_callbacks_set_on_stream_close_callback(callbacks) { _, id, code, owner in
            unsafe SessionCallbacks.call(owner) { $0.streamClosed(id, code: code) }
            return 0
        }
    }

    private static func installForWriting(_ callbacks: OpaquePointer) {
        unsafe nghttp2_session_callbacks_set_send_data_callback(callbacks) {
            _,
            frame,
            header,
            count,
            _,
            owner in
            guard let id = unsafe frame?.pointee.hd.stream_id, let header = unsafe header else {
                return NGHTTP2_ERR_CALLBACK_FAILURE.rawValue
            }
            unsafe SessionCallbacks.call(owner) { session in
                unsafe session.sendData(
                    id,
                    header: Span(_unsafeStart: header, count: FrameHeader.length),
                    count
                )
            }
            return 0
        }
        unsafe nghttp2_session_callbacks_set_on_frame_send_callback(callbacks) { _, frame, owner in
            guard let frame = unsafe frame else { return 0 }
            switch unsafe FrameType(rawValue: frame.pointee.hd.type) {
            case .resetStream:
                let id = unsafe frame.pointee.hd.stream_id
                unsafe SessionCallbacks.call(owner) { $0.resetWasSent(id) }
            case .goAway:
                let goAway = unsafe frame.pointee.goaway
                guard unsafe goAway.error_code != HTTP2ErrorCode.noError else { return 0 }
                let octets = unsafe UnsafeBufferPointer(
                    start: goAway.opaque_data,
                    count: goAway.opaque_data_len
                )
                let reason = unsafe String(lossy: Span(_unsafeElements: octets))
                unsafe SessionCallbacks.call(owner) { $0.goAwayWasSent(reason) }
            default: break
            }
            return 0
        }
        unsafe nghttp2_session_callbacks_set_on_frame_not_send_callback(callbacks) { _, frame, _, owner in
            guard let header = unsafe frame?.pointee.hd, header.type == FrameType.headers.rawValue else {
                return 0
            }
            unsafe SessionCallbacks.call(owner) { $0.headersWereNotSent(header.stream_id) }
            return 0
        }
    }

    /// Where the octets of outgoing bodies come from.
    static var dataProvider: nghttp2_data_provider {
        unsafe nghttp2_data_provider(source: nghttp2_data_source()) { _, id, _, room, flags, _, owner in
            guard let flags = unsafe flags else { return Int(NGHTTP2_ERR_CALLBACK_FAILURE.rawValue) }
            var isEnd = false
            var count = Refusal.deferred
            unsafe SessionCallbacks.call(owner) { count = $0.unsentData(id, room: room, isEnd: &isEnd) }
            unsafe flags.pointee =
                NGHTTP2_DATA_FLAG_NO_COPY.rawValue | (isEnd ? NGHTTP2_DATA_FLAG_EOF.rawValue : 0)
            return count
        }
    }

    /// Calls the session without counting a reference: whoever called nghttp2 holds one.
    private static func call(_ owner: UnsafeMutableRawPointer?, _ body: (HTTP2Session) -> Void) {
        guard let owner = unsafe owner else { return }
        unsafe Unmanaged<HTTP2Session>.fromOpaque(owner)._withUnsafeGuaranteedRef { body($0) }
    }
}
