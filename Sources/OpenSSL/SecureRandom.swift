// Random bytes that nobody can guess.

internal import COpenSSL

/// OpenSSL's generator, seeded by the kernel. Safe on every thread.
public enum SecureRandom {
    /// Overwrites all of `bytes`. Ends the process if there is no entropy: nothing may go on with a guessable key.
    public static func fill(_ bytes: inout MutableSpan<UInt8>) {
        ERR_clear_error()
        // Writes the `count` bytes of a span that lives through the call.
        let isDone = unsafe bytes.withUnsafeMutableBufferPointer { buffer in
            unsafe buffer.isEmpty || RAND_bytes_ex(nil, buffer.baseAddress, buffer.count, 0) == 1
        }
        guard isDone else { unusableLibrary() }
    }

    /// `count` random bytes; none if `count` is negative.
    public static func bytes(count: Int) -> [UInt8] {
        var bytes = [UInt8](repeating: 0, count: max(count, 0))
        var span = bytes.mutableSpan
        fill(&span)
        return bytes
    }

    /// A random number of 64 bits.
    public static func number() -> UInt64 {
        bytes(count: 8).reduce(0) { $0 << 8 | UInt64($1) }
    }
}
