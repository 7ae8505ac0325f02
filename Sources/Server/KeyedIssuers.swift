// The issuers whose keys a process has, so that the process that takes its place has them, too.

internal import Bytes
internal import JOSE
internal import OpenSSL
internal import Policy

/// Names issuers by a short digest of their identifier: a list of thousands is still short.
enum KeyedIssuers {
    /// Number of characters of a digest.
    private static let length = 16

    /// The digests of issuers by their identifiers, in order.
    static func digests(of identifiers: Set<String>) -> [String] { identifiers.map(digest).sorted() }

    /// The names of those of `issuers` that are among `wanted`, and whose keys are not known.
    static func missing(of issuers: [Issuer], known: Set<String>, wanted: Set<String>) -> [String] {
        guard !wanted.isEmpty else { return [] }
        return issuers.filter { issuer in
            let identifier = issuer.rules.issuer
            return !known.contains(identifier) && wanted.contains(digest(identifier))
        }.map(\.name)
    }

    private static func digest(_ identifier: String) -> String {
        String(SHA256.digest(of: identifier.octets.span).hexadecimal.prefix(length))
    }
}
