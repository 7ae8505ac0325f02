// The lines of verify-jws: published vectors, generated ones and hostile ones.

import Bytes
import JOSE
import JSON
import OpenSSL
import Testing

@Suite struct JWSDiagnosisTests {
    @Test(arguments: JWSVector.published + JWSVector.generated)
    func `calls good signatures valid`(vector: JWSVector) {
        #expect(Diagnosis(keys: [vector.key], jws: vector.jws).line == "{\"id\":1,\"result\":\"valid\"}")
    }

    @Test(arguments: JWSVector.published + JWSVector.generated)
    func `calls a signature invalid when any part was changed`(vector: JWSVector) throws {
        let parts = vector.jws.split(separator: ".").map(String.init)
        let payload = try #require(Base64URL.decode(parts[1]))
        for index in payload.indices {
            var changed = payload
            changed[index] ^= 1
            let jws = [parts[0], Base64URL.encode(changed.span), parts[2]].joined(separator: ".")
            #expect(Diagnosis(keys: [vector.key], jws: jws).reason == "signature_invalid")
        }
        let signature = try #require(Base64URL.decode(parts[2]))
        for index in [0, 1, signature.count / 2, signature.count - 1] {
            var changed = signature
            changed[index] ^= 0x10
            let jws = [parts[0], parts[1], Base64URL.encode(changed.span)].joined(separator: ".")
            #expect(Diagnosis(keys: [vector.key], jws: jws).reason == "signature_invalid")
        }
    }

    @Test(arguments: JWSVector.wrongSignatures)
    func `calls near misses invalid`(vector: JWSVector) {
        #expect(Diagnosis(keys: [vector.key], jws: vector.jws).reason == "signature_invalid")
    }

    @Test(arguments: JWSVector.publicSecrets)
    func `never takes a public key for a secret`(vector: JWSVector) {
        #expect(Diagnosis(keys: [vector.key], jws: vector.jws).reason == "algorithm_not_allowed")
    }

    @Test(arguments: [
        ("", "input_malformed"), ("{", "input_malformed"), ("[]", "input_malformed"),
        ("{}", "input_malformed"),
        (#"{"id":7,"jwks":{"keys":[]}}"#, "input_malformed"),
        (#"{"id":7,"jws":"a.b.c"}"#, "input_malformed"),
        (#"{"id":7,"jws":5,"jwks":{"keys":[]}}"#, "input_malformed"),
        (#"{"id":7,"jws":"a.b.c","jwks":{"keys":[]}}"#, "token_malformed"),
        (#"{"id":7,"jws":"e30.e30.e30","jwks":{"keys":[]}}"#, "header_invalid"),
        (#"{"id":7,"jws":"eyJhbGciOiJFUzI1NiJ9.e30.AA","jwks":{"keys":[]}}"#, "no_usable_key"),
        (#"{"id":7,"jws":"eyJhbGciOiJFUzI1NiJ9.e30.AA","jwks":{}}"#, "key_set_malformed"),
        (#"{"id":7,"jws":"eyJhbGciOiJFUzI1NiJ9.e30.AA","jwks":[]}"#, "key_set_malformed"),
        (#"{"id":7,"jws":"eyJhbGciOiJub25lIn0.e30.","jwks":{"keys":[]}}"#, "no_usable_key"),
    ])
    func `answers bad input with the reason`(line: String, reason: String) {
        let diagnosis = Diagnosis(line: line)
        #expect(diagnosis.result == "invalid")
        #expect(diagnosis.reason == reason)
    }

    @Test func `bounds the line`() {
        let vector = JWSVector.published[0]
        let blanks = String(repeating: " ", count: JWSDiagnosis.maximumLineLength)
        let line = Diagnosis.question(keys: [vector.key], jws: vector.jws)
        #expect(Diagnosis(line: line + blanks.dropLast(line.utf8.count)).result == "valid")
        #expect(Diagnosis(line: line + blanks).reason == "input_malformed")
    }

    @Test(arguments: ["1", "\"a\\\"b\"", "null", "[1,{\"x\":true}]", "-0.5"])
    func `gives the id back as it came`(id: String) {
        let line = "{\"jws\":\"\",\"jwks\":{\"keys\":[]},\"id\":" + id + "}"
        #expect(
            Diagnosis(line: line).line
                == "{\"id\":" + id + ",\"result\":\"invalid\",\"reason\":\"token_malformed\"}"
        )
    }

    @Test func `says which keys it could not use`() {
        let line = Diagnosis(
            keys: [#"{"kty":"oct","k":"AA","kid":"s"}"#, "5"],
            jws: "eyJhbGciOiJFUzI1NiJ9.e30.AA"
        ).line
        #expect(
            line == #"{"id":1,"result":"invalid","reason":"no_usable_key","skipped_keys":"#
                + #"[{"index":0,"kid":"s","reason":"symmetric_key"},{"index":1,"reason":"not_an_object"}]}"#
        )
    }

    @Test func `does not look at the payload`() throws {
        let key = try SigningKey(generating: .edwards(.ed25519))
        let signer = try #require(TokenSigner(key: key, algorithm: .ed25519))
        for payload in ["", "no JSON", "{\"a\":1,\"a\":2}"] {
            let jws = try signer.sign(payload.utf8Span.span, type: "anything")
            #expect(Diagnosis(keys: [signer.publicJWK], jws: jws).result == "valid")
        }
    }
}
