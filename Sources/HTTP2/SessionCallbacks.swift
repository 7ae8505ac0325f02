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
            guard let frame = unsafe frame, let session = unsafe SessionCallbacks.session(owner) else {
                return 0
            }
            unsafe session.headersBegan(frame.pointee.hd.stream_id, frame.pointee.headers.cat)
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
            guard let name = unsafe name, let value = unsafe value,
                let session = unsafe SessionCallbacks.session(owner)
            else {
                return 0
            }
            let isRoom = unsafe session.fieldCame(
                Span(_unsafeStart: name, count: nameLength),
                Span(_unsafeStart: value, count: valueLength)
            )
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
            guard let name = unsafe name, let session = unsafe SessionCallbacks.session(owner) else {
                return Refusal.temporary
            }
            unsafe session.invalidFieldCame(Span(_unsafeStart: name, count: nameLength))
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
            guard let octets = unsafe octets else { return 0 }
            unsafe SessionCallbacks.session(owner)?.dataCame(id, at: UInt(bitPattern: octets), count)
            return 0
        }
        unsafe nghttp2_session_callbacks_set_on_frame_recv_callback(callbacks) { _, frame, owner in
            guard let header = unsafe frame?.pointee.hd else { return 0 }
            unsafe SessionCallbacks.session(owner)?.frameEnded(
                FrameType(rawValue: header.type),
                header.stream_id,
                header.flags
            )
            return 0
        }
        unsafe nghttp2_session_callbacks_set_on_invalid_frame_recv_callback(callbacks) {
            _,
            frame,
            code,
            owner in
            guard let frame = unsafe frame, let session = unsafe SessionCallbacks.session(owner) else {
                return 0
            }
            guard unsafe frame.pointee.hd.type == FrameType.headers.rawValue,
                unsafe frame.pointee.headers.cat == NGHTTP2_HCAT_REQUEST,
                code == NGHTTP2_ERR_HTTP_HEADER.rawValue || code == NGHTTP2_ERR_HTTP_MESSAGING.rawValue
            else { return 0 }
            session.malformedRequestCame()
            return 0
        }
        unsafe nghttp2_session_callbacks_set_on_stream_close_callback(callbacks) { _, id, code, owner in
            unsafe SessionCallbacks.session(owner)?.streamClosed(id, code: code)
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
            guard let frame = unsafe frame, let header = unsafe header,
                let session = unsafe SessionCallbacks.session(owner)
            else { return NGHTTP2_ERR_CALLBACK_FAILURE.rawValue }
            let octets = unsafe Span(_unsafeStart: header, count: FrameHeader.length)
            unsafe session.sendData(frame.pointee.hd.stream_id, header: octets, count)
            return 0
        }
        unsafe nghttp2_session_callbacks_set_on_frame_send_callback(callbacks) { _, frame, owner in
            guard let frame = unsafe frame, let session = unsafe SessionCallbacks.session(owner) else {
                return 0
            }
            switch unsafe FrameType(rawValue: frame.pointee.hd.type) {
            case .resetStream: unsafe session.resetWasSent(frame.pointee.hd.stream_id)
            case .goAway:
                let goAway = unsafe frame.pointee.goaway
                guard unsafe goAway.error_code != HTTP2ErrorCode.noError else { return 0 }
                let reason = unsafe UnsafeBufferPointer(
                    start: goAway.opaque_data,
                    count: goAway.opaque_data_len
                )
                unsafe session.goAwayWasSent(String(lossy: Span(_unsafeElements: reason)))
            default: break
            }
            return 0
        }
        unsafe nghttp2_session_callbacks_set_on_frame_not_send_callback(callbacks) { _, frame, _, owner in
            guard let header = unsafe frame?.pointee.hd, header.type == FrameType.headers.rawValue else {
                return 0
            }
            unsafe SessionCallbacks.session(owner)?.headersWereNotSent(header.stream_id)
            return 0
        }
    }

    /// Where the octets of outgoing bodies come from.
    static var dataProvider: nghttp2_data_provider {
        unsafe nghttp2_data_provider(source: nghttp2_data_source()) { _, id, _, room, flags, _, owner in
            guard let session = unsafe SessionCallbacks.session(owner), let flags = unsafe flags else {
                return Int(NGHTTP2_ERR_CALLBACK_FAILURE.rawValue)
            }
            var isEnd = false
            let count = session.unsentData(id, room: room, isEnd: &isEnd)
            unsafe flags.pointee =
                NGHTTP2_DATA_FLAG_NO_COPY.rawValue | (isEnd ? NGHTTP2_DATA_FLAG_EOF.rawValue : 0)
            return count
        }
    }

    private static func session(_ owner: UnsafeMutableRawPointer?) -> HTTP2Session? {
        guard let owner = unsafe owner else { return nil }
        return unsafe Unmanaged<HTTP2Session>.fromOpaque(owner).takeUnretainedValue()
    }
}
