// Which key of a set a token is checked with.

import Bytes
import JOSE
import OpenSSL
import Testing

@Suite struct KeyChoiceTests {
    /// Two keys on P-256, one RSA key without `alg`, one Ed25519 key called `EdDSA`.
    struct Keys {
        let first: TokenSigner
        let second: TokenSigner
        let rsa: TokenSigner
        let edwards: TokenSigner

        init() throws {
            first = try Self.signer(.ellipticCurve(.p256), .es256, "first")
            second = try Self.signer(.ellipticCurve(.p256), .es256, "second")
            rsa = try Self.signer(.rsa, .ps512, "rsa")
            edwards = try Self.signer(.edwards(.ed25519), .eddsa, "edwards")
        }

        static func signer(_ kind: KeyKind, _ algorithm: SignatureAlgorithm, _ name: String) throws
            -> TokenSigner
        {
            try #require(TokenSigner(key: SigningKey(generating: kind), algorithm: algorithm, keyID: name))
        }
    }

    static func token(_ signer: TokenSigner, _ header: String) throws -> String {
        try signer.sign("{}".utf8Span.span, header: header.utf8Span.span)
    }

    @Test func `needs one fitting key where the token names none`() throws {
        let keys = try Keys()
        let token = try Self.token(keys.first, #"{"alg":"ES256"}"#)
        func reason(_ signers: TokenSigner...) -> String? {
            Diagnosis(keys: signers.map(\.publicJWK), jws: token).reason
        }
        #expect(reason(keys.first) == nil)
        #expect(reason(keys.first, keys.rsa, keys.edwards) == nil)
        #expect(reason(keys.first, keys.second) == "ambiguous_key")
        #expect(reason(keys.rsa, keys.edwards) == "unknown_key")
        #expect(reason(keys.second) == "signature_invalid")
    }

    @Test func `takes the named key and no other`() throws {
        let keys = try Keys()
        let all = [keys.first, keys.second, keys.rsa, keys.edwards].map(\.publicJWK)
        func reason(_ header: String) throws -> String? {
            Diagnosis(keys: all, jws: try Self.token(keys.first, header)).reason
        }
        #expect(try reason(#"{"alg":"ES256","kid":"first"}"#) == nil)
        #expect(try reason(#"{"alg":"ES256","kid":"second"}"#) == "signature_invalid")
        #expect(try reason(#"{"alg":"ES256","kid":"third"}"#) == "unknown_key")
        #expect(try reason(#"{"alg":"ES256","kid":"First"}"#) == "unknown_key")
        #expect(try reason(#"{"alg":"ES256","kid":"rsa"}"#) == "algorithm_key_mismatch")
        #expect(try reason(#"{"alg":"ES384","kid":"first"}"#) == "algorithm_key_mismatch")
        #expect(try reason(#"{"alg":"RS256","kid":"first"}"#) == "algorithm_key_mismatch")
    }

    @Test func `holds a key to its own algorithm`() throws {
        let keys = try Keys()
        let rsa = try Self.token(keys.rsa, #"{"alg":"PS512","kid":"rsa"}"#)
        #expect(Diagnosis(keys: [keys.rsa.publicJWK], jws: rsa).reason == nil)
        let relabelled = try Self.token(keys.rsa, #"{"alg":"RS256","kid":"rsa"}"#)
        #expect(Diagnosis(keys: [keys.rsa.publicJWK], jws: relabelled).reason == "algorithm_key_mismatch")
        let specific = try Self.token(keys.edwards, #"{"alg":"Ed25519","kid":"edwards"}"#)
        #expect(Diagnosis(keys: [keys.edwards.publicJWK], jws: specific).reason == "algorithm_key_mismatch")
    }

    @Test func `decides EdDSA by the curve of the key`() throws {
        for (kind, own, other) in [
            (KeyKind.edwards(.ed25519), "Ed25519", "Ed448"), (.edwards(.ed448), "Ed448", "Ed25519"),
        ] {
            let key = try SigningKey(generating: kind)
            let signer = try #require(TokenSigner(key: key, algorithm: .eddsa, keyID: "k"))
            let jwk = signer.publicJWK.replacing(#""alg":"EdDSA","#, with: "")
            func reason(_ algorithm: String) throws -> String? {
                let token = try Self.token(signer, #"{"alg":"\#(algorithm)","kid":"k"}"#)
                return Diagnosis(keys: [jwk], jws: token).reason
            }
            #expect(try reason("EdDSA") == nil)
            #expect(try reason(own) == nil)
            #expect(try reason(other) == "algorithm_key_mismatch")
        }
    }

    @Test func `keeps keys of one name apart that are for different algorithms`() throws {
        let elliptic = try Keys.signer(.ellipticCurve(.p256), .es256, "same")
        let edwards = try Keys.signer(.edwards(.ed25519), .ed25519, "same")
        let jwks = [elliptic.publicJWK, edwards.publicJWK]
        for (signer, algorithm) in [(elliptic, "ES256"), (edwards, "Ed25519")] {
            let token = try Self.token(signer, #"{"alg":"\#(algorithm)","kid":"same"}"#)
            #expect(Diagnosis(keys: jwks, jws: token).reason == nil)
        }
    }

    @Test func `makes no signer for an algorithm of another kind of key`() throws {
        let key = try SigningKey(generating: .ellipticCurve(.p256))
        #expect(TokenSigner(key: key, algorithm: .es384) == nil)
        #expect(TokenSigner(key: key, algorithm: .rs256) == nil)
    }
}
