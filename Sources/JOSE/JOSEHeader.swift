// The protected header of a signed token.

internal import Bytes
public import JSON

/// A JOSE header (RFC 7515 §4) without anything that audgate does not honour.
public struct JOSEHeader: Sendable {
    /// `alg` as written; not checked against any list yet.
    public let algorithmName: String

    /// `kid`, nil if absent.
    public let keyID: String?

    /// `typ` as written, nil if absent.
    public let type: String?

    /// All parameters, for people who look for the reason of a refusal.
    public let parameters: JSONObject

    /// Parameters that would change what is signed, hide it, or offer a key from outside the key set.
    private static let notAllowed = ["b64", "zip", "enc", "jwk", "jku", "x5u", "x5c"]

    /// Longest `alg` and `typ` in bytes.
    private static let maximumNameLength = 64

    /// Reads the header from its JSON text.
    init(_ json: Span<UInt8>) throws(TokenRefusal) {
        guard let parameters = JSONObject(tokenPart: json) else { throw TokenRefusal(.tokenMalformed) }
        if parameters["crit"] != nil { throw TokenRefusal(.criticalHeader) }
        for name in Self.notAllowed where parameters[name] != nil {
            throw TokenRefusal(.headerNotAllowed, name)
        }
        let longestKeyID = VerificationKey.maximumKeyIDLength
        guard let algorithmName = try parameters.header("alg", maximumLength: Self.maximumNameLength) else {
            throw TokenRefusal(.headerInvalid, "alg")
        }
        self.algorithmName = algorithmName
        keyID = try parameters.header("kid", maximumLength: longestKeyID)
        type = try parameters.header("typ", maximumLength: Self.maximumNameLength)
        self.parameters = parameters
    }

    /// The algorithm of the signature, which must be one of `allowed`.
    public func algorithm(
        among allowed: Set<SignatureAlgorithm>
    ) throws(TokenRefusal) -> SignatureAlgorithm {
        guard let algorithm = SignatureAlgorithm(rawValue: algorithmName), allowed.contains(algorithm) else {
            throw TokenRefusal(.algorithmNotAllowed)
        }
        return algorithm
    }
}

extension JSONObject {
    /// The object that a part of a token holds, nil if it holds anything else.
    init?(tokenPart json: Span<UInt8>) {
        guard let object = try? JSONReader.read(json).object else { return nil }
        self = object
    }

    /// The string parameter called `name`, nil if absent.
    fileprivate func header(_ name: String, maximumLength: Int) throws(TokenRefusal) -> String? {
        guard let value = self[name] else { return nil }
        guard let string = value.string, string.utf8.count <= maximumLength else {
            throw TokenRefusal(.headerInvalid, name)
        }
        return string
    }
}
