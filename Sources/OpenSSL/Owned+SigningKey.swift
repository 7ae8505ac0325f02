// Private keys made by OpenSSL, and the public numbers read back from them.

internal import COpenSSL

extension Owned {
    /// A new random key, nil if the library cannot make one.
    static func randomKey(_ kind: KeyKind) -> Owned? {
        let type =
            switch kind {
            case .rsa: "RSA"
            case .ellipticCurve: "EC"
            case .edwards(let curve): curve.rawValue
            }
        guard
            let generator = unsafe Owned(
                EVP_PKEY_CTX_new_from_name(nil, type, nil),
                freedBy: EVP_PKEY_CTX_free
            ), unsafe EVP_PKEY_keygen_init(generator.pointer) == 1, generator.setKeyParameters(kind)
        else { return nil }
        var key: OpaquePointer?
        guard unsafe EVP_PKEY_generate(generator.pointer, &key) == 1 else { return nil }
        return unsafe Owned(key, freedBy: EVP_PKEY_free)
    }

    private func setKeyParameters(_ kind: KeyKind) -> Bool {
        switch kind {
        case .rsa: unsafe EVP_PKEY_CTX_set_rsa_keygen_bits(pointer, 2048) == 1
        case .ellipticCurve(let curve): unsafe EVP_PKEY_CTX_set_group_name(pointer, curve.rawValue) == 1
        case .edwards: true
        }
    }

    /// The public numbers of the key that this is, nil if the library does not tell.
    func publicMaterial(_ kind: KeyKind) -> PublicKeyMaterial? {
        switch kind {
        case .rsa:
            guard let modulus = number(.modulus), let exponent = number(.exponent) else { return nil }
            return .rsa(modulus: modulus, exponent: exponent)
        case .ellipticCurve(let curve):
            let length = curve.coordinateLength
            guard let point = octets(.publicKey), point.count == 1 + 2 * length else { return nil }
            return .ellipticCurve(curve, x: Array(point[1...length]), y: Array(point[(1 + length)...]))
        case .edwards(let curve):
            guard let point = octets(.publicKey), point.count == curve.keyLength else { return nil }
            return .edwards(curve, x: point)
        }
    }

    /// An octet string among the key's parameters: asked for once for its length, once for its bytes.
    private func octets(_ name: ParameterName) -> [UInt8]? {
        var length = 0
        guard unsafe EVP_PKEY_get_octet_string_param(pointer, name.text, nil, 0, &length) == 1 else {
            return nil
        }
        var bytes = [UInt8](repeating: 0, count: length)
        guard
            unsafe EVP_PKEY_get_octet_string_param(pointer, name.text, &bytes, bytes.count, &length) == 1
        else { return nil }
        return Array(bytes.prefix(length))
    }

    /// An integer among the key's parameters, big-endian without leading zeros.
    private func number(_ name: ParameterName) -> [UInt8]? {
        var found: OpaquePointer?
        guard unsafe EVP_PKEY_get_bn_param(pointer, name.text, &found) == 1,
            let number = unsafe Owned(found, freedBy: BN_free)
        else { return nil }
        var bytes = [UInt8](repeating: 0, count: Int(unsafe BN_num_bits(number.pointer) + 7) / 8)
        guard unsafe Int(BN_bn2bin(number.pointer, &bytes)) == bytes.count else { return nil }
        return bytes
    }
}
