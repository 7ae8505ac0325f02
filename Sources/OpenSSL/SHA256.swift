// SHA-256 (FIPS 180-4) with the algorithm looked up once and the state reused.

internal import COpenSSL

/// Computes SHA-256 digests, one after the other; each thread has its own.
public struct SHA256: ~Copyable {
    private let algorithm: Owned
    private let state: Owned

    /// Looks the algorithm up. Ends the process if the library has no SHA-256.
    public init() {
        ERR_clear_error()
        guard let algorithm = unsafe Owned(EVP_MD_fetch(nil, "SHA256", nil), freedBy: EVP_MD_free),
            let state = unsafe Owned(EVP_MD_CTX_new(), freedBy: EVP_MD_CTX_free)
        else { unusableLibrary() }
        self.algorithm = algorithm
        self.state = state
    }

    /// The digest of `bytes`.
    public mutating func digest(_ bytes: Span<UInt8>) -> Digest256 {
        var output = InlineArray<32, UInt8>(repeating: 0)
        var outputSpan = output.mutableSpan
        // The library reads `count` bytes of a span that lives through the call, and writes 32.
        let isDone = unsafe bytes.withUnsafeBufferPointer { input in
            unsafe outputSpan.withUnsafeMutableBufferPointer { output in
                unsafe EVP_DigestInit_ex2(state.pointer, algorithm.pointer, nil) == 1
                    && EVP_DigestUpdate(state.pointer, input.baseAddress, input.count) == 1
                    && EVP_DigestFinal_ex(state.pointer, output.baseAddress, nil) == 1
            }
        }
        guard isDone, let digest = Digest256(output.span) else { unusableLibrary() }
        return digest
    }

    /// The digest of `bytes`, for places that need just one.
    public static func digest(of bytes: Span<UInt8>) -> Digest256 {
        var state = SHA256()
        return state.digest(bytes)
    }
}
