// Reading key sets: which keys are taken, which are left out and why, thumbprints.

import Bytes
import JOSE
import JSON
import OpenSSL
import Testing

@Suite struct KeySetTests {
    static let x = "f83OJ3D2xF1Bg8vub9tLe1gHMzV76e8Tus9uPHvRVEU"
    static let y = "x_FEzRu9m36HLN_tue659LNpXW6pCyStikYjKIWI5a0"
    static let coordinates = #""crv":"P-256","x":"\#(x)","y":"\#(y)""#
    static let good = #"{"kty":"EC",\#(coordinates),"kid":"good"}"#
    /// An odd number of 1026 bits.
    static let shortModulus = String(repeating: "w", count: 170) + "E"

    static func read(_ keys: [String]) throws(KeySetError) -> KeySet {
        try KeySet(("{\"keys\":[" + keys.joined(separator: ",") + "]}").utf8Span.span)
    }

    static func error(_ text: String) -> KeySetError? {
        do throws(KeySetError) {
            _ = try KeySet(text.utf8Span.span)
            return nil
        } catch {
            return error
        }
    }

    @Test(
        arguments: [
            ("5", .notAnObject, nil),
            ("{}", .memberInvalid, "kty"),
            (#"{"kty":5}"#, .memberInvalid, "kty"),
            (#"{"kty":"oct","k":"AAAA","kid":"s"}"#, .symmetricKey, nil),
            (#"{"kty":"AKP"}"#, .unsupportedKeyType, nil),
            (#"{"kty":"ec",\#(coordinates)}"#, .unsupportedKeyType, nil),
            (#"{"kty":"EC","crv":"secp256k1","x":"AA","y":"AA"}"#, .unsupportedCurve, nil),
            (#"{"kty":"EC","crv":"P-384","x":"\#(x)","y":"\#(y)"}"#, .lengthInvalid, nil),
            (#"{"kty":"EC","crv":"P-256","x":"\#(y)","y":"\#(x)"}"#, .offCurve, nil),
            (#"{"kty":"EC","crv":"P-256","x":"\#(x)=","y":"\#(y)"}"#, .memberInvalid, "x"),
            (#"{"kty":"EC","crv":"P-256","x":"\#(x)"}"#, .memberInvalid, "y"),
            (#"{"kty":"OKP","crv":"X25519","x":"\#(x)"}"#, .unsupportedCurve, nil),
            (#"{"kty":"OKP","crv":"Ed25519","x":"AAAA"}"#, .lengthInvalid, nil),
            (#"{"kty":"RSA","n":"\#(shortModulus)","e":"AQAB"}"#, .weakModulus, nil),
            (#"{"kty":"RSA","n":5,"e":"AQAB"}"#, .memberInvalid, "n"),
            (#"{"kty":"EC",\#(coordinates),"use":"enc"}"#, .notForSignatures, nil),
            (#"{"kty":"EC",\#(coordinates),"use":null}"#, .notForSignatures, nil),
            (#"{"kty":"EC",\#(coordinates),"key_ops":["sign"]}"#, .notForVerification, nil),
            (#"{"kty":"EC",\#(coordinates),"key_ops":[]}"#, .notForVerification, nil),
            (#"{"kty":"EC",\#(coordinates),"key_ops":"verify"}"#, .memberInvalid, "key_ops"),
            (#"{"kty":"EC",\#(coordinates),"alg":"ES384"}"#, .algorithmMismatch, nil),
            (#"{"kty":"EC",\#(coordinates),"alg":"RS256"}"#, .algorithmMismatch, nil),
            (#"{"kty":"EC",\#(coordinates),"alg":"HS256"}"#, .unsupportedAlgorithm, nil),
            (#"{"kty":"EC",\#(coordinates),"alg":"none"}"#, .unsupportedAlgorithm, nil),
            (#"{"kty":"EC",\#(coordinates),"alg":["ES256"]}"#, .memberInvalid, "alg"),
            (#"{"kty":"EC",\#(coordinates),"kid":5}"#, .memberInvalid, "kid"),
            (good, .duplicateKeyID, nil),
        ] as [(String, KeyRefusal.Reason, String?)]
    )
    func `skips a key that cannot be used and keeps the rest`(
        key: String,
        reason: KeyRefusal.Reason,
        name: String?
    ) throws {
        let keys = try Self.read([Self.good, key])
        #expect(keys.keys.map(\.keyID) == ["good"])
        #expect(keys.skipped.map(\.refusal.reason) == [reason])
        #expect(keys.skipped.map(\.refusal.name) == [name])
        #expect(keys.skipped.map(\.index) == [1])
    }

    @Test(arguments: [
        #""use":"sig""#, #""key_ops":["verify"]"#, #""key_ops":["sign","verify"]"#, #""alg":"ES256""#,
        #""x5c":["AA"],"x5u":"https://evil.example/""#, #""d":"AAAA""#, #""unknown":{"a":[]}"#,
    ])
    func `takes a key with further members`(members: String) throws {
        let keys = try Self.read([#"{"kty":"EC",\#(Self.coordinates),\#(members)}"#])
        #expect(keys.keys.count == 1)
        #expect(keys.skipped.isEmpty)
    }

    @Test func `refuses what is no key set`() {
        #expect(Self.error("[]") == .notKeySet)
        #expect(Self.error("{}") == .notKeySet)
        #expect(Self.error(#"{"keys":{}}"#) == .notKeySet)
        #expect(Self.error(Self.good) == .notKeySet)
        #expect(Self.error("{")?.code == "key_set_malformed")
        #expect(Self.error(#"{"keys":[],"keys":[]}"#)?.code == "key_set_malformed")
        #expect(Self.error(#"{"keys":[]}"#) == .noUsableKey([]))
        #expect(Self.error(#"{"keys":[5]}"#)?.skipped.map(\.refusal.reason) == [.notAnObject])
    }

    @Test func `bounds the text and the number of keys`() throws {
        let many = [String](repeating: "5", count: KeySet.maximumKeyCount)
        #expect(try Self.read([Self.good] + many.dropLast()).keys.count == 1)
        #expect(throws: KeySetError.tooManyKeys) { _ = try Self.read([Self.good] + many) }
        let blanks = String(repeating: " ", count: KeySet.maximumLength - 11 - Self.good.utf8.count)
        #expect(Self.error("{\"keys\":[" + Self.good + "]}" + blanks) == nil)
        #expect(Self.error("{\"keys\":[" + Self.good + "]} " + blanks) == .tooLarge)
    }

    @Test func `computes the thumbprint of RFC 7638`() throws {
        let modulus = """
            0vx7agoebGcQSuuPiLJXZptN9nndrQmbXEps2aiAFbWhM78LhWx4cbbfAAtVT86zwu1RK7aPFFxuhDR1L6tSoc_BJ\
            ECPebWKRXjBZCiFV4n3oknjhMstn64tZ_2W-5JsGY4Hc5n9yBXArwl93lqt7_RN5w6Cf0h4QyQ5v-65YGjQR0_FDW2\
            QvzqY368QQMicAtaSqzs8KJZgnYb9c7d0zgdAZHzu6qMQvRL5hajrn1n91CbOpbISD08qNLyrdkt-bFTWhAI4vMQFh6\
            WeZu0fM4lFd2NcRwr3XPksINHaQ-G_xBniIqbw0Ls1jF44-csFCur-kEgU8awapJzKnqDKgw
            """
        let keys = try Self.read([
            #"{"kty":"RSA","n":"\#(modulus)","e":"AQAB","alg":"RS256","kid":"2011-04-29"}"#
        ])
        let thumbprint = try #require(keys.keys.first).thumbprint.bytes
        let text = Base64URL.encode(thumbprint.span)
        #expect(text == "NzbLsXh8uDCcd-6MNwXF4W_7noWXFZAfHkxZsRGC9Xs")
    }

    @Test func `computes the thumbprint of RFC 8037`() throws {
        let keys = try Self.read([
            #"{"kty":"OKP","crv":"Ed25519","x":"11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo"}"#
        ])
        let thumbprint = try #require(keys.keys.first).thumbprint.bytes
        let text = Base64URL.encode(thumbprint.span)
        #expect(text == "kPrK_qmxVWaYVA9wwBF6Iuo3vVzz7TxHCTwXBygrS4k")
    }

    @Test func `knows a key again in a later set only under the same name and algorithm`() throws {
        let key = try #require(Self.read([Self.good]).keys.first)
        let same = #"{"use":"sig","kid":"good",\#(Self.coordinates),"kty":"EC"}"#
        let renamed = #"{"kid":"other",\#(Self.coordinates),"kty":"EC"}"#
        let narrowed = #"{"kid":"good",\#(Self.coordinates),"kty":"EC","alg":"ES256"}"#
        let retired = #"{"kid":"good",\#(Self.coordinates),"kty":"EC","use":"enc"}"#
        #expect(try Self.read([same]).contains(key))
        #expect(try !Self.read([renamed]).contains(key))
        #expect(try !Self.read([narrowed]).contains(key))
        #expect(try !Self.read([renamed, retired]).contains(key))
    }
}
