// The one owner of an nghttp2 session: every call into the library stands here.

internal import Bytes
internal import CNghttp2
internal import HTTP

/// One `nghttp2_session`.
///
/// Invariant of the unsafe code: `session` is freed once, at the end, and none of the calls is made from within a
/// callback. Octets that are handed in are not kept: nghttp2 copies what it needs.
@safe
struct NativeSession: ~Copyable {
    private let session: OpaquePointer

    /// Makes a session and submits its SETTINGS.
    init(role: HTTP2Role, limits: HTTP2Limits) {
        var callbacks: OpaquePointer?
        var option: OpaquePointer?
        var session: OpaquePointer?
        unsafe nghttp2_session_callbacks_new(&callbacks)
        unsafe nghttp2_option_new(&option)
        if let callbacks = unsafe callbacks, let option = unsafe option {
            unsafe SessionCallbacks.install(in: callbacks)
            unsafe Self.set(option, limits)
            switch role {
            case .server: unsafe nghttp2_session_server_new2(&session, callbacks, nil, option)
            case .client: unsafe nghttp2_session_client_new2(&session, callbacks, nil, option)
            }
        }
        unsafe nghttp2_option_del(option)
        unsafe nghttp2_session_callbacks_del(callbacks)
        guard let session = unsafe session else { fatalError("out of memory") }
        unsafe self.session = session
        submitSettings(role, limits)
    }

    deinit {
        unsafe nghttp2_session_del(session)
    }

    private static func set(_ option: OpaquePointer, _ limits: HTTP2Limits) {
        unsafe nghttp2_option_set_no_auto_window_update(option, 1)
        unsafe nghttp2_option_set_max_deflate_dynamic_table_size(option, limits.headerTableBytes)
        unsafe nghttp2_option_set_no_closed_streams(option, 1)
        // Ours come first: `FrameScanner` counts CONTINUATION and RST_STREAM by the configured limits.
        unsafe nghttp2_option_set_max_continuations(option, min(limits.continuationFrames, 1 << 20) + 1)
        let resets = UInt64(clamping: limits.resetStreams)
        unsafe nghttp2_option_set_stream_reset_rate_limit(
            option,
            4 * min(resets, 1 << 32),
            min(resets, 1 << 32)
        )
    }

    private func submitSettings(_ role: HTTP2Role, _ limits: HTTP2Limits) {
        typealias Entry = nghttp2_settings_entry
        func entry(_ id: nghttp2_settings_id, _ value: Int) -> Entry {
            Entry(settings_id: Int32(id.rawValue), value: UInt32(clamping: value))
        }
        let largestWindow = Int(Int32.max)
        var entries = [
            entry(NGHTTP2_SETTINGS_INITIAL_WINDOW_SIZE, min(limits.streamWindow, largestWindow)),
            entry(NGHTTP2_SETTINGS_MAX_HEADER_LIST_SIZE, limits.messages.headerBytes),
            entry(NGHTTP2_SETTINGS_HEADER_TABLE_SIZE, limits.headerTableBytes),
        ]
        switch role {
        case .server:
            entries += [
                entry(NGHTTP2_SETTINGS_MAX_CONCURRENT_STREAMS, limits.streams),
                entry(NGHTTP2_SETTINGS_ENABLE_CONNECT_PROTOCOL, 0),
                entry(NGHTTP2_SETTINGS_NO_RFC7540_PRIORITIES, 1),
            ]
        // Without RFC 7540's tree nghttp2 would send one request's body after the other.
        case .client: entries.append(entry(NGHTTP2_SETTINGS_ENABLE_PUSH, 0))
        }
        let window = role == .server ? min(limits.connectionWindow, largestWindow) : largestWindow
        unsafe nghttp2_submit_settings(session, UInt8(NGHTTP2_FLAG_NONE.rawValue), entries, entries.count)
        unsafe nghttp2_session_set_local_window_size(session, 0, 0, Int32(clamping: window))
    }

    /// Names the session that callbacks are for: it owns this value, and so lives longer.
    func setOwner(_ owner: HTTP2Session) {
        unsafe nghttp2_session_set_user_data(session, Unmanaged.passUnretained(owner).toOpaque())
    }

    // MARK: Octets

    /// Lets nghttp2 read all of `octets`, whose address `started` is told before.
    ///
    /// - Returns: 0, or the code of a fatal error.
    func receive(_ octets: borrowing Span<UInt8>, started: (UInt) -> Void) -> Int {
        unsafe octets.withUnsafeBufferPointer { bytes in
            started(UInt(bitPattern: bytes.baseAddress))
            let count = unsafe nghttp2_session_mem_recv(session, bytes.baseAddress, bytes.count)
            return count < 0 ? count : 0
        }
    }

    /// Appends the next octets to be sent; `false` if there are none or sending has failed.
    ///
    /// DATA goes another way: the owner's callback appends it.
    func takeOutput(_ append: (borrowing Span<UInt8>) -> Void) -> Bool {
        var octets: UnsafePointer<UInt8>?
        let count = unsafe nghttp2_session_mem_send(session, &octets)
        guard count > 0, let octets = unsafe octets else { return false }
        unsafe append(Span(_unsafeStart: octets, count: count))
        return true
    }

    var wantsToRead: Bool { unsafe nghttp2_session_want_read(session) != 0 }
    var wantsToWrite: Bool { unsafe nghttp2_session_want_write(session) != 0 }

    // MARK: Streams

    /// Submits a request; nil if no stream can be opened.
    func submitRequest(_ fields: borrowing FieldBlock, endsStream: Bool) -> Int32? {
        let id = unsafe Self.withPairs(of: fields) { pairs, count in
            guard !endsStream else {
                return unsafe nghttp2_submit_request(session, nil, pairs, count, nil, nil)
            }
            var provider = unsafe SessionCallbacks.dataProvider
            return unsafe nghttp2_submit_request(session, nil, pairs, count, &provider, nil)
        }
        return id > 0 ? id : nil
    }

    func submitResponse(_ id: Int32, _ fields: borrowing FieldBlock, endsStream: Bool) {
        unsafe Self.withPairs(of: fields) { pairs, count in
            guard !endsStream else {
                unsafe nghttp2_submit_response(session, id, pairs, count, nil)
                return
            }
            var provider = unsafe SessionCallbacks.dataProvider
            // Streams take turns: by default one goes on until it has nothing more to send (RFC 9218 §4.2).
            var turns = nghttp2_extpri(urgency: UInt32(NGHTTP2_EXTPRI_DEFAULT_URGENCY), inc: 1)
            unsafe nghttp2_session_change_extpri_stream_priority(session, id, &turns, 1)
            unsafe nghttp2_submit_response(session, id, pairs, count, &provider)
        }
    }

    func submitInformational(_ id: Int32, _ fields: borrowing FieldBlock) {
        unsafe Self.withPairs(of: fields) { pairs, count in
            _ = unsafe nghttp2_submit_headers(session, 0, id, nil, pairs, count, nil)
        }
    }

    func submitReset(_ id: Int32, code: UInt32) {
        unsafe nghttp2_submit_rst_stream(session, 0, id, code)
    }

    func resume(_ id: Int32) {
        unsafe nghttp2_session_resume_data(session, id)
    }

    func consume(_ count: Int, of id: Int32) {
        unsafe nghttp2_session_consume(session, id, max(count, 0))
    }

    func consumeConnection(_ count: Int) {
        unsafe nghttp2_session_consume_connection(session, max(count, 0))
    }

    // MARK: The connection

    /// Most streams that the peer lets this side open at once.
    var remoteStreamLimit: Int {
        Int(unsafe nghttp2_session_get_remote_settings(session, NGHTTP2_SETTINGS_MAX_CONCURRENT_STREAMS))
    }

    /// Whether identifiers are left, and the connection goes on (client).
    var allowsRequests: Bool {
        unsafe nghttp2_session_check_request_allowed(session) != 0
    }

    func submitShutdownNotice() {
        unsafe nghttp2_submit_shutdown_notice(session)
    }

    func submitGoAway() {
        let last = unsafe nghttp2_session_get_last_proc_stream_id(session)
        unsafe nghttp2_submit_goaway(session, 0, last, HTTP2ErrorCode.noError, nil, 0)
    }

    func terminate(code: UInt32) {
        unsafe nghttp2_session_terminate_session(session, code)
    }

    // MARK: Fields

    /// Lets `body` read the fields as nghttp2 takes them.
    private static func withPairs<Result>(
        of fields: borrowing FieldBlock,
        _ body: (UnsafePointer<nghttp2_nv>?, Int) -> Result
    ) -> Result {
        let lines = fields.lines
        return unsafe fields.bytes.span.withUnsafeBufferPointer { bytes in
            unsafe withUnsafeTemporaryAllocation(of: nghttp2_nv.self, capacity: lines.count) { pairs in
                var count = 0
                for line in lines {
                    unsafe pairs.initializeElement(at: count, to: pair(line, bytes))
                    count += 1
                }
                return unsafe body(UnsafePointer(pairs.baseAddress), count)
            }
        }
    }

    /// Places of `line` in `bytes`; `FieldBlock` makes none outside of them.
    private static func pair(
        _ line: FieldBlock.Line,
        _ bytes: UnsafeBufferPointer<UInt8>
    ) -> nghttp2_nv {
        let base = unsafe UnsafeMutablePointer(mutating: bytes.baseAddress)
        let name = unsafe Span(_unsafeElements: bytes).extracting(line.name)
        let flags = isSecret(name) ? NGHTTP2_NV_FLAG_NO_INDEX : NGHTTP2_NV_FLAG_NONE
        return unsafe nghttp2_nv(
            name: base.map { unsafe $0 + line.name.start },
            value: base.map { unsafe $0 + line.value.start },
            namelen: line.name.count,
            valuelen: line.value.count,
            flags: UInt8(flags.rawValue)
        )
    }

    /// Whether a value may not enter the peer's table (RFC 7541 §7.1.3); nghttp2 itself knows `Authorization`.
    private static func isSecret(_ name: borrowing Span<UInt8>) -> Bool {
        name.count == 14 && name.equalsIgnoringCase("mcp-session-id")
    }
}
