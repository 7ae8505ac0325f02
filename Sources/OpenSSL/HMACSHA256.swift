// HMAC-SHA-256 (RFC 2104) with its key expanded once.

internal import COpenSSL

/// Computes authentication codes under one key; each thread has its own.
public struct HMACSHA256: ~Copyable {
    private let state: Owned

    /// Takes the key, of any length. Ends the process if the library has no HMAC.
    public init(key: Span<UInt8>) {
        ERR_clear_error()
        guard let algorithm = unsafe Owned(EVP_MAC_fetch(nil, "HMAC", nil), freedBy: EVP_MAC_free),
            let state = unsafe Owned(EVP_MAC_CTX_new(algorithm.pointer), freedBy: EVP_MAC_CTX_free),
            Self.setKey(key, of: state)
        else { unusableLibrary() }
        self.state = state
    }

    /// The code of `message`.
    public mutating func code(for message: Span<UInt8>) -> Digest256 {
        ERR_clear_error()
        var output = InlineArray<32, UInt8>(repeating: 0)
        var outputSpan = output.mutableSpan
        // The library reads `count` bytes of a span that lives through the call, and writes at most 32.
        let isDone = unsafe message.withUnsafeBufferPointer { input in
            unsafe outputSpan.withUnsafeMutableBufferPointer { output in
                unsafe EVP_MAC_init(state.pointer, nil, 0, nil) == 1
                    && EVP_MAC_update(state.pointer, input.baseAddress, input.count) == 1
                    && EVP_MAC_final(state.pointer, output.baseAddress, nil, output.count) == 1
            }
        }
        guard isDone, let code = Digest256(output.span) else { unusableLibrary() }
        return code
    }

    private static func setKey(_ key: Span<UInt8>, of state: borrowing Owned) -> Bool {
        // The parameter array and the name in it live through the call; the library copies the key. An empty
        // key still needs an address, or the library would take it for "no new key".
        var name = Array("SHA256".utf8CString)
        return unsafe name.withUnsafeMutableBufferPointer { name in
            var parameters = unsafe [
                OSSL_PARAM_construct_utf8_string(ParameterName.digest.text, name.baseAddress, 0),
                OSSL_PARAM_construct_end(),
            ]
            return unsafe key.withUnsafeBufferPointer { bytes in
                var none: UInt8 = 0
                return unsafe withUnsafePointer(to: &none) { none in
                    unsafe EVP_MAC_init(
                        state.pointer,
                        bytes.baseAddress ?? none,
                        bytes.count,
                        &parameters
                    ) == 1
                }
            }
        }
    }
}
