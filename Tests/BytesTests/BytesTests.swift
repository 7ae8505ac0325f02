// Base64url, the byte buffer and the tables of ASCII.

import Bytes
import Testing

@Suite struct Base64URLTests {
    @Test(arguments: [
        ("", ""), ("f", "Zg"), ("fo", "Zm8"), ("foo", "Zm9v"), ("foob", "Zm9vYg"), ("fooba", "Zm9vYmE"),
    ])
    func `follows the vectors of RFC 4648 without padding`(plain: String, encoded: String) {
        #expect(Base64URL.encode(plain.utf8Span.span) == encoded)
        #expect(Base64URL.decode(encoded) == Array(plain.utf8))
    }

    @Test(arguments: ["Z", "Zg=", "Zg==", "Zh", "Zm9", "Zm9v ", "Zm 9v", "+/", "Zm9vYg=", "Zm9vYh"])
    func `refuses padding, blanks, the other alphabet and trailing bits`(text: String) {
        #expect(Base64URL.decode(text) == nil)
    }

    @Test func `gives back octets of every length and value`() {
        for count in 0..<70 {
            let octets = (0..<count).map { UInt8(truncatingIfNeeded: $0 &* 37 &+ count &* 101) }
            #expect(Base64URL.decode(Base64URL.encode(octets.span)) == octets)
        }
        #expect(Base64URL.decode(Base64URL.encode(Array(0...255).span)) == Array(0...255))
    }

    @Test func `refuses every octet outside the alphabet at every place`() {
        let alphabet = Set("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_".utf8)
        for length in [4, 6, 7, 8] {
            for place in 0..<length {
                for octet in UInt8.min...UInt8.max where !alphabet.contains(octet) {
                    var text = [UInt8](repeating: UInt8(ascii: "A"), count: length)
                    text[place] = octet
                    #expect(Base64URL.decode(text.span) == nil)
                }
            }
        }
    }

    @Test func `accepts one last character for each value of the last octet`() {
        // Two characters hold eight bits and four that must be zero, three hold sixteen and two.
        for (front, accepted) in [("A", 4), ("AA", 16)] {
            let texts = (UInt8.min...UInt8.max).map { Array(front.utf8) + [$0] }
            #expect(texts.count { Base64URL.decode($0.span) != nil } == accepted)
        }
    }
}

@Suite struct ByteBufferTests {
    @Test func `keeps order across consuming, growing and writing`() {
        var buffer = ByteBuffer()
        var expected: [UInt8] = []
        for round in 0..<2_000 {
            buffer.append("round ")
            buffer.append(decimal: round)
            expected += Array("round \(round)".utf8)
            buffer.consume(3)
            expected.removeFirst(3)
        }
        #expect(Array(copying: buffer.span) == expected)
        buffer.consume(expected.count)
        let isEmpty = buffer.isEmpty
        #expect(isEmpty)
        buffer.release()
        let capacity = buffer.capacity
        #expect(capacity == 0)
    }

    @Test func `writes numbers as people read them`() {
        var buffer = ByteBuffer()
        for value in [0, 7, -12, Int.max, Int.min] {
            buffer.append(decimal: value)
            buffer.append(" ")
        }
        for value in [0, 1, 15, 16, 65536, Int.max] { buffer.append(hexadecimal: value); buffer.append(" ") }
        #expect(
            String(lossy: buffer.span)
                == "0 7 -12 9223372036854775807 -9223372036854775808 0 1 f 10 10000 7fffffffffffffff "
        )
    }
}

@Suite struct ASCIITests {
    @Test func `classes match their grammars octet by octet`() {
        let letters = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789"
        let token = Set(("!#$%&'*+-.^_`|~" + letters).utf8)
        let path = Set(("-._~!$&'()*+,;=:@/%" + letters).utf8)
        for byte in UInt8.min...UInt8.max {
            #expect(ASCII.isTokenCharacter(byte) == token.contains(byte))
            #expect(ASCII.isPathCharacter(byte) == path.contains(byte))
        }
    }
}
