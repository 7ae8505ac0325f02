// What OpenSSL may read and write during one call.

internal import Bytes
internal import COpenSSL

/// The two ends of a session's pipe while the library runs: a span to read from, a buffer to write to.
///
/// The library asks for it through the session's `BIO`, which holds nothing else, and nothing between calls.
/// Callbacks find through it whatever they need.
///
/// Invariant of the unsafe code: a transfer lives on the stack of `TLSSession.transfer`, as do the span and the
/// buffer behind it; its address stands in the `BIO` only while that function runs.
@safe
struct TLSTransfer {
    /// Whose call it is.
    let side: TLSSide

    /// How many messages of a handshake were received, and alerts sent. Above `TLSSession.maximumMessages`
    /// nothing more is read.
    var messages: Int

    /// The newest session that the server has offered for resumption; owned.
    var offeredSession: OpaquePointer?

    private var input: UnsafeBufferPointer<UInt8>
    private let output: UnsafeMutablePointer<ByteBuffer>

    @unsafe
    init(
        side: TLSSide,
        messages: Int,
        input: UnsafeBufferPointer<UInt8>,
        output: UnsafeMutablePointer<ByteBuffer>
    ) {
        self.side = side
        self.messages = messages
        unsafe self.input = unsafe input
        unsafe self.output = unsafe output
        unsafe offeredSession = nil
    }

    /// Number of bytes not yet read.
    var inputCount: Int { unsafe input.count }

    /// The transfer of the call that `session` is in.
    @unsafe
    static func current(of session: OpaquePointer?) -> UnsafeMutablePointer<TLSTransfer>? {
        unsafe current(ofPipe: SSL_get_rbio(session))
    }

    @unsafe
    static func current(ofPipe pipe: OpaquePointer?) -> UnsafeMutablePointer<TLSTransfer>? {
        unsafe BIO_get_data(pipe)?.assumingMemoryBound(to: TLSTransfer.self)
    }

    /// Moves up to `room` bytes of input to `target`.
    @unsafe
    mutating func read(into target: UnsafeMutableRawPointer, room: Int) -> Int {
        let count = unsafe min(max(room, 0), input.count)
        guard count > 0, messages <= TLSSession.maximumMessages, let start = unsafe input.baseAddress else {
            return 0
        }
        unsafe target.copyMemory(from: start, byteCount: count)
        unsafe input = UnsafeBufferPointer(rebasing: input[count...])
        return count
    }

    /// Appends `bytes` to the output.
    @unsafe
    func write(_ bytes: UnsafeBufferPointer<UInt8>) {
        unsafe output.pointee.append(Span(_unsafeElements: bytes))
    }
}
