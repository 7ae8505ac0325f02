// Random operations on a `ByteBuffer` beside a plain array, and the other bytes against simple models.

import Bytes
import Testing

@Suite struct ByteBufferModelTests {
    @Test(arguments: 1...20)
    func `does what an array does`(seed: UInt64) {
        var state = seed &* 0x9E37_79B9_7F4A_7C15
        func random(_ bound: Int) -> Int {
            state = state &* 6_364_136_223_846_793_005 &+ 1_442_695_040_888_963_407
            return Int(state >> 33) % bound
        }
        var buffer = ByteBuffer()
        var model: [UInt8] = []
        for _ in 0..<2_000 {
            let amount = random(random(50) == 0 ? 5_000 : 60)
            switch random(9) {
            case 0: buffer.consume(amount); model.removeFirst(min(amount, model.count))
            case 1: buffer.truncate(to: amount); model = Array(model.prefix(amount))
            case 2: buffer.truncate(to: .max)
            case 3 where amount == 0: buffer.release(); model = []
            case 4 where amount < 5: buffer.removeAll(); model = []
            case 5: buffer.reserve(amount)
            case 6:
                let written = unsafe buffer.write(room: amount) { memory in
                    for index in 0..<amount { unsafe memory[index] = UInt8(truncatingIfNeeded: index) }
                    return amount - amount / 3
                }
                #expect(written == amount - amount / 3)
                model += (0..<written).map { UInt8(truncatingIfNeeded: $0) }
            default:
                let octets = (0..<amount).map { UInt8(truncatingIfNeeded: $0 &* 7) }
                buffer.append(octets.span)
                buffer.append(0xFF)
                model += octets + [0xFF]
            }
            let content = Array(copying: buffer.span)
            #expect(content == model)
            let (count, capacity) = (buffer.count, buffer.capacity)
            #expect(count == model.count && capacity >= count)
        }
    }

    @Test func `a writer that claims too much or too little does no harm`() {
        var buffer = ByteBuffer()
        let claims = [Int.max, -1, Int.min, 5].map { claim in
            unsafe buffer.write(room: 4) {
                unsafe $0.initializeMemory(as: UInt8.self, repeating: 1); return claim
            }
        }
        #expect(claims == [4, -1, Int.min, 4])
        let count = buffer.count
        #expect(count == 8)
    }

    @Test func `negative numbers of octets count as none`() {
        var buffer = ByteBuffer()
        buffer.append("abc")
        buffer.consume(-1)
        buffer.reserve(-1)
        let count = buffer.count
        #expect(count == 3)
        buffer.truncate(to: -1)
        let isEmpty = buffer.isEmpty
        #expect(isEmpty)
    }
}

@Suite struct SpanTests {
    private static let text = Array("Content-Length, x".utf8)

    @Test func `finds an octet from any place`() {
        for start in -2...Self.text.count + 2 {
            for octet in [UInt8(ascii: "n"), UInt8(ascii: ","), 0] {
                let expected =
                    start < 0 ? nil : Self.text.indices.first { $0 >= start && Self.text[$0] == octet }
                let found = Self.text.span.firstIndex(of: octet, from: start)
                #expect(found == expected)
            }
        }
        let nowhere = Span<UInt8>().firstIndex(of: 0)
        #expect(nowhere == nil)
    }

    @Test func `compares with and without case`() {
        let text = Self.text.span
        let exact = [text.equals("Content-Length, x"), text.equals("content-length, x"), text.equals("")]
        #expect(exact == [true, false, false])
        let caseless = [
            text.equalsIgnoringCase("content-length, x"), text.equalsIgnoringCase("content-length, y"),
            text.equalsIgnoringCase("content-length"),
        ]
        #expect(caseless == [true, false, false])
        let starts = [text.startsIgnoringCase(with: "content-"), text.startsIgnoringCase(with: "content_")]
        #expect(starts == [true, false])
        // Only letters have a case: [ and {, @ and ` differ in the same bit.
        let brackets = "[@".utf8Span.span
        let others = [brackets.equalsIgnoringCase("{@"), brackets.equalsIgnoringCase("[`")]
        #expect(others == [false, false])
        let empty = Span<UInt8>()
        let none = [
            empty.equals(empty), empty.startsIgnoringCase(with: ""), empty.startsIgnoringCase(with: "a"),
        ]
        #expect(none == [true, true, false])
    }

    @Test(arguments: [
        ("", ""), (" ", ""), ("\t a b \t", "a b"), ("a", "a"), (" \r a", "\r a"), ("\u{A0}", "\u{A0}"),
    ])
    func `trims blanks and tabs only`(text: String, trimmed: String) {
        let octets = Array(copying: text.utf8Span.span.trimmingBlanks)
        #expect(octets == Array(trimmed.utf8))
    }

    @Test func `a range that does not fit is empty`() {
        #expect(ByteRange(3, 2) == .empty)
        #expect(ByteRange(-1, 2) == .empty)
        #expect(ByteRange(0, Int.max) == .empty)
        #expect(ByteRange(2, 5).count == 3)
        #expect(ByteRange(0, Int(UInt32.max)).end == Int(UInt32.max))
    }
}

@Suite struct OctetClassTests {
    @Test func `field values, queries and digits match their grammars octet by octet`() {
        let query = Set(
            "-._~!$&'()*+,;=:@/?%abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789".utf8
        )
        let digits = Array("0123456789".utf8)
        let hexadecimal = Array("0123456789abcdef".utf8)
        for byte in UInt8.min...UInt8.max {
            let isValue = byte == 9 || (byte >= 0x20 && byte != 0x7F)
            #expect(ASCII.isFieldValueCharacter(byte) == isValue)
            // In the middle of other octets, where the vectorised loop works.
            for length in [1, 7, 16, 33] {
                var text = [UInt8](repeating: UInt8(ascii: "x"), count: length)
                text[length / 2] = byte
                #expect(ASCII.isFieldValue(text.span) == isValue)
            }
            #expect(ASCII.isQueryCharacter(byte) == query.contains(byte))
            #expect(ASCII.isDigit(byte) == digits.contains(byte))
            let isUpper = byte >= 0x41 && byte <= 0x5A
            #expect(ASCII.lowercased(byte) == (isUpper ? byte + 32 : byte))
            let value = hexadecimal.firstIndex(of: ASCII.lowercased(byte)).map { UInt8($0) }
            #expect(ASCII.hexValue(byte) == value)
            #expect(ASCII.hexDigit(byte) == hexadecimal[Int(byte & 15)])
        }
    }

    @Test func `base64url has one text for each byte string`() {
        var seen: Set<String> = []
        for length in 0...66 {
            let octets = (0..<length).map { UInt8(truncatingIfNeeded: $0 &* 73 &+ length) }
            let text = Base64URL.encode(octets.span)
            #expect(Base64URL.decode(text) == octets)
            #expect(seen.insert(text).inserted)
        }
        // All texts of two characters: sixteen spellings of each octet, of which one is accepted.
        let alphabet = Array("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_")
        let accepted = alphabet.reduce(0) { sum, a in
            sum + alphabet.count { Base64URL.decode("\(a)\($0)") != nil }
        }
        #expect(accepted == 256)
    }
}
