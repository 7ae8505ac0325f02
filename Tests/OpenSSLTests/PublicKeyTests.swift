// Which public keys are accepted.

import Bytes
import OpenSSL
import Testing

@Suite struct PublicKeyTests {
    /// An odd number of `bits` bits; RSA keys are not checked further than that.
    static func modulus(bits: Int) -> [UInt8] {
        var bytes = SecureRandom.bytes(count: (bits + 7) / 8)
        let top = UInt8(1) << UInt8((bits - 1) % 8)
        bytes[0] = bytes[0] & (top - 1) | top
        bytes[bytes.count - 1] |= 1
        return bytes
    }

    static func error(_ material: PublicKeyMaterial) -> PublicKeyError? {
        do throws(PublicKeyError) {
            _ = try PublicKey(material)
            return nil
        } catch {
            return error
        }
    }

    @Test(
        arguments: [
            (2048, nil), (3072, nil), (4096, nil), (8192, nil), (2049, nil),
            (512, .modulusTooShort), (1024, .modulusTooShort), (2047, .modulusTooShort),
            (8193, .modulusTooLong), (16384, .modulusTooLong),
        ] as [(Int, PublicKeyError?)]
    )
    func `takes RSA moduli of 2048 to 8192 bits`(bits: Int, error: PublicKeyError?) {
        #expect(Self.error(.rsa(modulus: Self.modulus(bits: bits), exponent: [1, 0, 1])) == error)
    }

    @Test func `does not count leading zeros of a modulus`() throws {
        let short = [0, 0, 0, 0] + Self.modulus(bits: 2040)
        #expect(Self.error(.rsa(modulus: short, exponent: [3])) == .modulusTooShort)
        let padded = try PublicKey(.rsa(modulus: [0] + Self.modulus(bits: 2048), exponent: [0, 1, 0, 1]))
        #expect(padded.signatureLength == 256)
    }

    @Test func `refuses an even or missing modulus`() {
        var even = Self.modulus(bits: 2048)
        even[255] &= 0xFE
        #expect(Self.error(.rsa(modulus: even, exponent: [3])) == .modulusInvalid)
        #expect(Self.error(.rsa(modulus: [], exponent: [3])) == .modulusTooShort)
        #expect(Self.error(.rsa(modulus: [0], exponent: [3])) == .modulusTooShort)
    }

    @Test(
        arguments: [
            ([3], true), ([17], true), ([1, 0, 1], true), ([0xFF, 0xFF, 0xFF, 0xFF], true),
            ([], false), ([0], false), ([1], false), ([2], false), ([1, 0, 0], false),
            ([1, 0, 0, 0, 1], false),
        ] as [([UInt8], Bool)]
    )
    func `refuses silly RSA exponents`(exponent: [UInt8], isAccepted: Bool) {
        let error = Self.error(.rsa(modulus: Self.modulus(bits: 2048), exponent: exponent))
        #expect(error == (isAccepted ? nil : .exponentInvalid))
    }

    @Test(arguments: EllipticCurve.allCases)
    func `refuses points off the curve and coordinates of another length`(curve: EllipticCurve) throws {
        let key = try SigningKey(generating: .ellipticCurve(curve))
        guard case .ellipticCurve(_, let x, let y) = key.publicMaterial else { return }
        #expect(Self.error(.ellipticCurve(curve, x: x, y: y)) == nil)
        var moved = y
        moved[moved.count - 1] ^= 1
        let zero = [UInt8](repeating: 0, count: curve.coordinateLength)
        let most = [UInt8](repeating: 0xFF, count: curve.coordinateLength)
        #expect(Self.error(.ellipticCurve(curve, x: x, y: moved)) == .pointInvalid)
        #expect(Self.error(.ellipticCurve(curve, x: zero, y: zero)) == .pointInvalid)
        #expect(Self.error(.ellipticCurve(curve, x: most, y: most)) == .pointInvalid)
        #expect(Self.error(.ellipticCurve(curve, x: [0] + x, y: y)) == .lengthInvalid)
        #expect(Self.error(.ellipticCurve(curve, x: x, y: Array(y.dropLast()))) == .lengthInvalid)
        #expect(Self.error(.ellipticCurve(curve, x: [], y: [])) == .lengthInvalid)
        for other in EllipticCurve.allCases where other != curve {
            #expect(Self.error(.ellipticCurve(other, x: x, y: y)) == .lengthInvalid)
        }
    }

    @Test(arguments: EdwardsCurve.allCases)
    func `refuses Edwards points of another length`(curve: EdwardsCurve) throws {
        let key = try SigningKey(generating: .edwards(curve))
        guard case .edwards(_, let x) = key.publicMaterial else { return }
        #expect(Self.error(.edwards(curve, x: x)) == nil)
        #expect(Self.error(.edwards(curve, x: x + [0])) == .lengthInvalid)
        #expect(Self.error(.edwards(curve, x: Array(x.dropLast()))) == .lengthInvalid)
        #expect(Self.error(.edwards(curve, x: [])) == .lengthInvalid)
    }
}
