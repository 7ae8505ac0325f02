// The form of a compact JWS: what is read of a token before its signature is looked at.

import Bytes
import JOSE
import Testing

@Suite struct CompactJWSTests {
    static func refusal(_ text: String) -> TokenRefusal.Reason? {
        do throws(TokenRefusal) {
            _ = try UnverifiedToken(text.utf8Span.span)
            return nil
        } catch {
            return error.reason
        }
    }

    static func encode(_ text: String) -> String {
        Base64URL.encode(text.utf8Span.span)
    }

    static let header = encode(#"{"alg":"ES256"}"#)

    @Test(arguments: [
        "", ".", "..", "...", "not.a.jwt", "a.b", "%%%", "\(header)", "\(header).e30", "\(header).e30.AA.AA",
        "\(header).e30.AA.AA.AA.AA", "\(header).e30.AA=", "\(header).e30.A+", "\(header).e30.A/",
        "\(header).e30.A", "\(header).e30. AA", "\(header).e30.AA\n", " \(header).e30.AA", "\(header).e31.AA",
        "\(header).e3 0.AA", "\(header).e30.AB", "\(header)..AA", "\(header).e30.\u{00E9}", ".e30.AA",
        "\(encode("[]")).e30.AA", "\(encode("{")).e30.AA", "\(encode("{} x")).e30.AA",
        "\(encode("{\"alg\":\"ES256\",\"alg\":\"ES256\"}")).e30.AA",
        "\(encode("{\"alg\":\"ES256\",\"\\u0061lg\":\"none\"}")).e30.AA",
        "\(header).\(encode("[]")).AA", "\(header).\(encode("5")).AA", "\(header).\(encode("\u{FEFF}{}")).AA",
        "\(header).\(encode("{\"aud\":1,\"aud\":2}")).AA",
        "\(header).\(encode("{\"a\":{\"b\":1,\"b\":1}}")).AA",
    ])
    func `refuses what is not three parts of strict base64url with objects in them`(text: String) {
        #expect(Self.refusal(text) == .tokenMalformed)
    }

    @Test func `refuses an encrypted token under its own reason`() {
        #expect(Self.refusal("eyJhbGciOiJSU0EtT0FFUCJ9.AA.AA.AA.AA") == .tokenEncrypted)
        #expect(Self.refusal("....") == .tokenEncrypted)
    }

    @Test func `refuses bytes that are not UTF-8`() {
        let invalid: [UInt8] = [0x7B, 0x22, 0xC3, 0x28, 0x22, 0x3A, 0x31, 0x7D]
        let text = "\(Self.header).\(Base64URL.encode(invalid.span)).AA"
        #expect(Self.refusal(text) == .tokenMalformed)
    }

    @Test func `bounds the length`() {
        let start = Self.header + ".e30."
        let fitting = String(repeating: "A", count: CompactJWS.maximumLength - start.utf8.count)
        #expect(Self.refusal(start + fitting) == nil)
        #expect(Self.refusal(start + fitting + "A") == .tokenTooLarge)
        #expect(Self.refusal(String(repeating: ".", count: 20_000)) == .tokenTooLarge)
    }

    @Test func `bounds the nesting of objects`() {
        let deep = String(repeating: "[", count: 5000) + String(repeating: "]", count: 5000)
        #expect(Self.refusal("\(Self.header).\(Self.encode("{\"a\":" + deep + "}")).AA") == .tokenMalformed)
    }

    @Test func `tells the issuer before anything is verified`() throws {
        let text = "\(Self.header).\(Self.encode("{\"iss\":\"https://as.example\"}"))."
        let token = try UnverifiedToken(text.utf8Span.span)
        #expect(token.issuer == "https://as.example")
        let odd = try UnverifiedToken("\(Self.header).\(Self.encode("{\"iss\":5}")).".utf8Span.span)
        #expect(odd.issuer == nil)
    }

    @Test func `gives every refusal a code of its own and a sentence fit for a header`() {
        let codes = TokenRefusal.Reason.allCases.map(\.rawValue)
        #expect(Set(codes).count == codes.count)
        for reason in TokenRefusal.Reason.allCases {
            let sentence = TokenRefusal(reason, "aud").sentence
            #expect(sentence.utf8.allSatisfy { $0 >= 0x20 && $0 < 0x7F && $0 != 0x22 && $0 != 0x5C })
            #expect(!sentence.contains("aud"))
        }
    }
}
