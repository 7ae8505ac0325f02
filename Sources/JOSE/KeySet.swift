// The keys of one issuer.

internal import Bytes
public import JSON

/// Why a text is no usable key set.
public enum KeySetError: Error, Equatable, Sendable {
    /// The text is longer than `KeySet.maximumLength`.
    case tooLarge
    /// The text is not strict JSON.
    case notJSON(JSONError)
    /// The text is not an object with an array `keys` (RFC 7517 §5).
    case notKeySet
    /// There are more than `KeySet.maximumKeyCount` keys.
    case tooManyKeys
    /// None of the keys can be used, for these reasons.
    case noUsableKey([SkippedKey])

    /// The stable reason code.
    public var code: String {
        switch self {
        case .tooLarge: "key_set_too_large"
        case .notJSON, .notKeySet: "key_set_malformed"
        case .tooManyKeys: "too_many_keys"
        case .noUsableKey: "no_usable_key"
        }
    }

    /// The keys that cannot be used, where that is what is wrong.
    public var skipped: [SkippedKey] {
        if case .noUsableKey(let skipped) = self { skipped } else { [] }
    }
}

/// A key of a set that is not used.
public struct SkippedKey: Equatable, Sendable {
    /// Its place in `keys`, from 0.
    public let index: Int
    /// Its name, nil if it has none.
    public let keyID: String?
    /// Why it is not used.
    public let refusal: KeyRefusal
}

/// A JWK Set (RFC 7517 §5); immutable, and at least one of its keys is usable.
public final class KeySet: Sendable {
    /// Longest text in bytes.
    public static let maximumLength = 256 * 1024

    /// Most keys in a set, usable or not.
    public static let maximumKeyCount = 100

    /// The usable keys in the order of the set.
    public let keys: [VerificationKey]

    /// The others, with the reasons.
    public let skipped: [SkippedKey]

    /// Reads a set from its text.
    public convenience init(_ json: Span<UInt8>) throws(KeySetError) {
        guard json.count <= Self.maximumLength else { throw .tooLarge }
        let value: JSONValue
        do { value = try JSONReader.read(json) } catch { throw .notJSON(error) }
        try self.init(value)
    }

    /// Reads a set from JSON that was read already.
    init(_ value: JSONValue) throws(KeySetError) {
        guard let elements = value.object?["keys"]?.array else { throw .notKeySet }
        guard elements.count <= Self.maximumKeyCount else { throw .tooManyKeys }
        var keys: [VerificationKey] = []
        var skipped: [SkippedKey] = []
        for (index, element) in elements.enumerated() {
            do throws(KeyRefusal) {
                keys.append(try Self.key(element, beside: keys))
            } catch {
                let keyID = element.object?["kid"]?.string
                skipped.append(SkippedKey(index: index, keyID: keyID, refusal: error))
            }
        }
        guard !keys.isEmpty else { throw .noUsableKey(skipped) }
        self.keys = keys
        self.skipped = skipped
    }

    /// Whether the set still has `key`: by the same name, for the same algorithms.
    public func contains(_ key: VerificationKey) -> Bool {
        keys.contains { $0 === key || $0.isSame(as: key) }
    }

    /// The one key that must have signed a token with this header.
    ///
    /// With a `kid` the key of that name, which must be for `algorithm`; without one the only key of the set that
    /// is. Nothing else in the header has a say.
    ///
    /// - Throws: `unknownKey`, `algorithmKeyMismatch` or `ambiguousKey`.
    public func key(
        for header: JOSEHeader,
        algorithm: SignatureAlgorithm
    ) throws(TokenRefusal) -> VerificationKey {
        let named = header.keyID == nil ? keys : keys.filter { $0.isNamed(header.keyID) }
        guard !named.isEmpty else { throw TokenRefusal(.unknownKey) }
        let fitting = named.filter { $0.fits(algorithm) }
        guard let key = fitting.first else {
            throw TokenRefusal(header.keyID == nil ? .unknownKey : .algorithmKeyMismatch)
        }
        guard fitting.count == 1 else { throw TokenRefusal(.ambiguousKey) }
        return key
    }

    private static func key(
        _ element: JSONValue,
        beside others: [VerificationKey]
    ) throws(KeyRefusal) -> VerificationKey {
        guard let jwk = element.object else { throw KeyRefusal(.notAnObject) }
        let key = try VerificationKey(jwk)
        let isDuplicate = others.contains { other in
            key.isSame(as: other)
                || key.keyID != nil && key.isNamed(other.keyID)
                    && SignatureAlgorithm.allCases.contains { key.fits($0) && other.fits($0) }
        }
        guard !isDuplicate else { throw KeyRefusal(.duplicateKeyID) }
        return key
    }
}
