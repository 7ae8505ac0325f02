// The numbers of an RSA public key, checked and without leading zeros.

/// A modulus and an exponent that are fit for use.
struct RSANumbers {
    let modulus: [UInt8]
    let exponent: [UInt8]

    /// Checks sizes, and that both numbers are odd.
    init(modulus: [UInt8], exponent: [UInt8]) throws(PublicKeyError) {
        self.modulus = Array(modulus.drop { $0 == 0 })
        self.exponent = Array(exponent.drop { $0 == 0 })
        let bits = Self.bitCount(self.modulus)
        guard bits >= PublicKey.minimumModulusBits else { throw .modulusTooShort }
        guard bits <= PublicKey.maximumModulusBits else { throw .modulusTooLong }
        guard Self.isOdd(self.modulus) else { throw .modulusInvalid }
        guard Self.isOdd(self.exponent), self.exponent != [1], self.exponent.count <= 4 else {
            throw .exponentInvalid
        }
    }

    private static func bitCount(_ number: [UInt8]) -> Int {
        number.count * 8 - (number.first?.leadingZeroBitCount ?? 0)
    }

    private static func isOdd(_ number: [UInt8]) -> Bool {
        number.last.map { $0 & 1 == 1 } ?? false
    }
}
