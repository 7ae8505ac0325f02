// What tables that anybody can fill are searched by: a number that nobody can choose.

internal import Bytes

/// The hash of a name, under a key that is random in each process. The name itself is not kept.
///
/// 64 bits: that any two of a million names share one has a chance of 1 in 37 million.
public struct HashedKey: Hashable, Sendable {
    let number: UInt64

    /// Hashes some octets.
    public init(_ octets: [UInt8]) {
        var hasher = Hasher()
        hasher.combine(octets)
        number = UInt64(bitPattern: Int64(hasher.finalize()))
    }

    /// Hashes texts by their octets, below another key if there is one; two lists of texts are the same only if each
    /// text is.
    init(_ texts: [String], below key: HashedKey? = nil) {
        var hasher = Hasher()
        hasher.combine(key)
        for text in texts { hasher.combine(text.octets) }
        number = UInt64(bitPattern: Int64(hasher.finalize()))
    }
}
