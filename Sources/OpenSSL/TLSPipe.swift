// The way from OpenSSL to the memory that a call reads and writes.

internal import COpenSSL

/// The kind of `BIO` that leads to a transfer; one for the process, made once and never freed.
///
/// `@unchecked Sendable`: never changed once it is made.
@safe
final class TLSPipe: @unchecked Sendable {
    static let shared = TLSPipe()

    private let method: OpaquePointer?

    private init() {
        unsafe method = unsafe BIO_meth_new(BIO_get_new_index() | BIO_TYPE_SOURCE_SINK, "audgate")
        guard let method = unsafe method else { return }
        unsafe BIO_meth_set_read(method, readPipe)
        unsafe BIO_meth_set_write(method, writePipe)
        unsafe BIO_meth_set_ctrl(method, controlPipe)
    }

    /// Gives `session` a pipe of this kind. False if there is no memory.
    func attach(to session: borrowing Owned) -> Bool {
        guard let method = unsafe method, let pipe = unsafe BIO_new(method) else { return false }
        unsafe BIO_set_init(pipe, 1)
        unsafe SSL_set_bio(session.pointer, pipe, pipe)
        return true
    }
}

private func readPipe(
    _ pipe: OpaquePointer?,
    _ target: UnsafeMutablePointer<CChar>?,
    _ room: Int32
) -> Int32 {
    unsafe audgate_BIO_clear_retry_flags(pipe)
    guard let transfer = unsafe TLSTransfer.current(ofPipe: pipe), let target = unsafe target else {
        return -1
    }
    let count = unsafe transfer.pointee.read(into: target, room: Int(room))
    if count > 0 { return Int32(truncatingIfNeeded: count) }
    unsafe audgate_BIO_set_retry_read(pipe)
    return -1
}

private func writePipe(
    _ pipe: OpaquePointer?,
    _ source: UnsafePointer<CChar>?,
    _ count: Int32
) -> Int32 {
    unsafe audgate_BIO_clear_retry_flags(pipe)
    guard let transfer = unsafe TLSTransfer.current(ofPipe: pipe), count >= 0 else { return -1 }
    let bytes = unsafe UnsafeRawBufferPointer(start: source, count: Int(count))
    unsafe transfer.pointee.write(bytes.bindMemory(to: UInt8.self))
    return count
}

private func controlPipe(
    _ pipe: OpaquePointer?,
    _ command: Int32,
    _ number: Int,
    _ argument: UnsafeMutableRawPointer?
) -> Int {
    command == BIO_CTRL_FLUSH ? 1 : 0
}
