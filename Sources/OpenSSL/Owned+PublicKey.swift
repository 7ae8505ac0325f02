// Public keys handed to OpenSSL number by number.

internal import COpenSSL

// In each function the arrays live through the call of the library, which copies what it keeps.
extension Owned {
    /// The library's form of an RSA key, nil if it refuses the numbers.
    static func rsaKey(_ numbers: RSANumbers) -> Owned? {
        // Integers of `OSSL_PARAM` have the byte order of the machine: little-endian wherever audgate runs.
        var modulus: [UInt8] = numbers.modulus.reversed()
        var exponent: [UInt8] = numbers.exponent.reversed()
        let key = unsafe modulus.withUnsafeMutableBufferPointer { modulus in
            unsafe exponent.withUnsafeMutableBufferPointer { exponent in
                unsafe newKey(
                    "RSA",
                    [
                        OSSL_PARAM_construct_BN(
                            ParameterName.modulus.text,
                            modulus.baseAddress,
                            modulus.count
                        ),
                        OSSL_PARAM_construct_BN(
                            ParameterName.exponent.text,
                            exponent.baseAddress,
                            exponent.count
                        ),
                    ]
                )
            }
        }
        return unsafe Owned(key, freedBy: EVP_PKEY_free)
    }

    /// The library's form of a key on `curve`, nil unless `point` (uncompressed, SEC 1 §2.3.3) is on it.
    static func ellipticCurveKey(_ curve: EllipticCurve, point: [UInt8]) -> Owned? {
        var point = point
        var name = Array(curve.rawValue.utf8CString)
        let key = unsafe point.withUnsafeMutableBufferPointer { point in
            unsafe name.withUnsafeMutableBufferPointer { name in
                unsafe newKey(
                    "EC",
                    [
                        OSSL_PARAM_construct_utf8_string(ParameterName.group.text, name.baseAddress, 0),
                        OSSL_PARAM_construct_octet_string(
                            ParameterName.publicKey.text,
                            point.baseAddress,
                            point.count
                        ),
                    ]
                )
            }
        }
        return unsafe Owned(key, freedBy: EVP_PKEY_free)
    }

    /// The library's form of a key on `curve`.
    static func edwardsKey(_ curve: EdwardsCurve, point: [UInt8]) -> Owned? {
        unsafe Owned(
            EVP_PKEY_new_raw_public_key_ex(nil, curve.rawValue, nil, point, point.count),
            freedBy: EVP_PKEY_free
        )
    }

    @unsafe
    private static func newKey(_ type: String, _ parameters: [OSSL_PARAM]) -> OpaquePointer? {
        var parameters = unsafe parameters + [OSSL_PARAM_construct_end()]
        guard
            let importer = unsafe Owned(
                EVP_PKEY_CTX_new_from_name(nil, type, nil),
                freedBy: EVP_PKEY_CTX_free
            )
        else { return nil }
        var key: OpaquePointer?
        guard unsafe EVP_PKEY_fromdata_init(importer.pointer) == 1,
            unsafe EVP_PKEY_fromdata(
                importer.pointer,
                &key,
                audgate_EVP_PKEY_PUBLIC_KEY(),
                &parameters
            ) == 1
        else { return nil }
        return unsafe key
    }
}
