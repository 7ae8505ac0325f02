// Digests, message authentication codes and random bytes.

import Bytes
import OpenSSL
import Testing

@Suite struct DigestTests {
    static func digest(_ bytes: [UInt8]) -> Digest256? {
        Digest256(bytes.span)
    }

    @Test(arguments: [
        ("", "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"),
        ("abc", "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"),
        (
            "abcdbcdecdefdefgefghfghighijhijkijkljklmklmnlmnomnopnopq",
            "248d6a61d20638b8e5c026930c3e6039a33ce45964ff2167f6ecedd419db06c1"
        ),
    ])
    func `computes the digests of FIPS 180`(message: String, digest: String) {
        let computed = SHA256.digest(of: message.utf8Span.span)
        #expect(computed.hexadecimal == digest)
        #expect(computed.hexadecimal(first: 8) == digest.prefix(16))
    }

    @Test func `computes one digest after the other`() {
        var state = SHA256()
        let first = state.digest("abc".utf8Span.span)
        let other = state.digest("abd".utf8Span.span)
        let again = state.digest("abc".utf8Span.span)
        #expect(first == again)
        #expect(first != other)
    }

    @Test func `computes the codes of RFC 4231`() {
        var short = HMACSHA256(key: "Jefe".utf8Span.span)
        let message = "what do ya want for nothing?"
        let code = short.code(for: message.utf8Span.span)
        let again = short.code(for: message.utf8Span.span)
        #expect(code.hexadecimal == "5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843")
        #expect(again == code)

        let longKey = [UInt8](repeating: 0xAA, count: 131)
        var long = HMACSHA256(key: longKey.span)
        let longCode = long.code(for: "Test Using Larger Than Block-Size Key - Hash Key First".utf8Span.span)
        #expect(longCode.hexadecimal == "60e431591ee0b67f0d8a26aacbf5b77f8e0bc6213728c5140546040f0ee37f54")
    }

    @Test func `takes an empty key and an empty message`() {
        let nothing: [UInt8] = []
        var empty = HMACSHA256(key: nothing.span)
        let code = empty.code(for: nothing.span)
        #expect(code.hexadecimal == "b613679a0814d9ec772f95d778c35fc5ff1697c493715653c6c712144292c5ad")
    }

    @Test func `keeps the bytes of a digest`() throws {
        let bytes = [UInt8](0..<32)
        let digest = try #require(Self.digest(bytes))
        #expect(digest.bytes == bytes)
        #expect(digest.hexadecimal.hasPrefix("000102"))
        #expect(Self.digest([UInt8](0..<31)) == nil)
        #expect(Self.digest([UInt8](0..<33)) == nil)
    }

    @Test func `tells digests apart by any byte`() throws {
        let zero = try #require(Self.digest([UInt8](repeating: 0, count: 32)))
        for index in 0..<32 {
            var bytes = zero.bytes
            bytes[index] = 1
            let other = try #require(Self.digest(bytes))
            #expect(other != zero)
        }
    }

    @Test func `fills with different bytes each time`() {
        #expect(SecureRandom.bytes(count: 32) != SecureRandom.bytes(count: 32))
        #expect(SecureRandom.bytes(count: 33).count == 33)
        #expect(SecureRandom.bytes(count: 0).isEmpty)
        #expect(SecureRandom.bytes(count: -1).isEmpty)
        #expect(SecureRandom.number() != SecureRandom.number())
    }
}
