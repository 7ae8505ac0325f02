// The keys under which the server's sessions travel with their clients (RFC 5077 §4).

internal import COpenSSL
internal import Synchronization

/// One key for the names, contents and codes of tickets.
///
/// `@unchecked Sendable`: the memory is written once, before anybody else sees it.
@safe
final class TicketKey: @unchecked Sendable {
    static let nameCount = 16
    static let secretCount = 32

    /// Name, key of the cipher, key of the authentication code. Allocated and wiped by this object alone.
    private let octets: UnsafeMutablePointer<UInt8>
    private static let count = nameCount + 2 * secretCount

    /// Makes a random key.
    init() {
        unsafe octets = .allocate(capacity: Self.count)
        unsafe octets.initialize(repeating: 0, count: Self.count)
        var span = unsafe MutableSpan(_unsafeStart: octets, count: Self.count)
        SecureRandom.fill(&span)
    }

    deinit {
        unsafe OPENSSL_cleanse(octets, Self.count)
        unsafe octets.deallocate()
    }

    @unsafe var name: UnsafePointer<UInt8> { unsafe UnsafePointer(octets) }
    @unsafe var cipherKey: UnsafePointer<UInt8> { unsafe name + Self.nameCount }
    @unsafe var codeKey: UnsafeMutablePointer<UInt8> { unsafe octets + Self.nameCount + Self.secretCount }
}

/// The keys in use: the first seals, all open.
final class TicketKeys: Sendable {
    /// The first key and those of the two turns before.
    private static let maximumCount = 3

    private let keys = Mutex([TicketKey()])

    /// Makes a new key the first.
    func rotate() {
        let key = TicketKey()
        keys.withLock { keys in keys = [key] + keys.prefix(Self.maximumCount - 1) }
    }

    /// The key that seals.
    var first: TicketKey? { keys.withLock { $0.first } }

    /// The key of that name (16 bytes), and whether it is the one that seals.
    @unsafe
    func key(named name: UnsafePointer<UInt8>) -> (key: TicketKey, isFirst: Bool)? {
        let keys = keys.withLock { $0 }
        for key in keys where unsafe CRYPTO_memcmp(key.name, name, TicketKey.nameCount) == 0 {
            return (key, key === keys.first)
        }
        return nil
    }
}
