// The issuers whose keys a process has, so that the process that takes its place has them, too.

internal import JOSE
internal import OpenSSL
internal import Policy
internal import Synchronization

/// Issuers whose tokens can be checked now, by a short digest of their identifier.
final class KeyedIssuers: Sendable {
    /// Number of characters of a digest: a list of thousands is still short.
    private static let length = 16

    private let known = Mutex<Set<String>>([])

    /// Notes whether the keys of an issuer are known.
    func note(_ issuer: Issuer, hasKeys: Bool) {
        let digest = Self.digest(issuer)
        known.withLock { known in
            if hasKeys { known.insert(digest) } else { known.remove(digest) }
        }
    }

    /// The digests of all whose keys are known.
    var digests: [String] { known.withLock { $0.sorted() } }

    /// The names of those of `issuers` that are among `wanted`, and whose keys are not known.
    func missing(of issuers: [Issuer], wanted: Set<String>) -> [String] {
        known.withLock { known in
            issuers.filter { issuer in
                let digest = Self.digest(issuer)
                return wanted.contains(digest) && !known.contains(digest)
            }.map(\.name)
        }
    }

    private static func digest(_ issuer: Issuer) -> String {
        String(SHA256.digest(of: Array(issuer.rules.issuer.utf8).span).hexadecimal.prefix(length))
    }
}
