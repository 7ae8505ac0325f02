// What the library itself could not do, which input alone never causes.

internal import COpenSSL

/// A failure inside OpenSSL: no memory, no entropy, or an algorithm that the installed library lacks.
public struct OpenSSLError: Error, Equatable, Sendable {
    /// The library's own number for the failure, 0 if it gave none.
    public let code: UInt

    /// Takes the latest failure of this thread from the library's queue.
    init() {
        code = ERR_peek_last_error()
    }
}

/// Ends the process because the C library can no longer do what every request needs.
func unusableLibrary() -> Never {
    fatalError("OpenSSL cannot compute SHA-256 or has no entropy (error \(OpenSSLError().code))")
}
