// The secrets that seal session ids.

internal import Bytes
internal import OpenSSL

/// Why secrets are no session keys.
public enum SessionKeyError: String, Error, CaseIterable, Sendable {
    /// There is none.
    case noKey = "no_session_key"
    /// There are more than `SessionKeys.maximumCount`.
    case tooManyKeys = "too_many_session_keys"
    /// One has less than `SessionKeys.minimumLength` octets.
    case keyTooShort = "session_key_too_short"

    /// What is wrong, as a sentence.
    public var sentence: String {
        switch self {
        case .noKey: "There is no session key."
        case .tooManyKeys: "There are more than \(SessionKeys.maximumCount) session keys."
        case .keyTooShort: "A session key has less than \(SessionKeys.minimumLength) octets."
        }
    }
}

/// Keys in the order of the configuration: the first seals, all open, so that a key can be replaced without ending
/// the sessions that it sealed.
public struct SessionKeys: Sendable {
    /// One secret and the name by which a sealed id refers to it.
    struct Key: Sendable {
        /// Number of octets of `identifier`.
        static let identifierLength = 4

        let secret: [UInt8]
        /// The first octets of the SHA-256 of the secret. Two keys may share them.
        let identifier: [UInt8]

        init(secret: [UInt8]) {
            self.secret = secret
            identifier = Array(SHA256.digest(of: secret.span).bytes.prefix(Self.identifierLength))
        }

        /// The authentication code of `message` under this key.
        func code(for message: [UInt8]) -> Digest256 {
            var code = HMACSHA256(key: secret.span)
            return code.code(for: message.span)
        }
    }

    /// Octets that a secret has at least.
    public static let minimumLength = 32

    /// Most keys at one time.
    public static let maximumCount = 16

    /// The key that seals.
    let sealing: Key
    /// All keys.
    let all: [Key]

    /// Takes the secrets, newest first.
    public init(secrets: [[UInt8]]) throws(SessionKeyError) {
        guard secrets.count <= Self.maximumCount else { throw .tooManyKeys }
        guard secrets.allSatisfy({ $0.count >= Self.minimumLength }) else { throw .keyTooShort }
        all = secrets.map(Key.init)
        guard let first = all.first else { throw .noKey }
        sealing = first
    }

    private init(only key: Key) {
        sealing = key
        all = [key]
    }

    /// One fresh key, for a process whose sessions may end with it.
    public static func random() -> SessionKeys {
        SessionKeys(only: Key(secret: SecureRandom.bytes(count: minimumLength)))
    }
}
