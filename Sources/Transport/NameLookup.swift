// Names to addresses by the C library, which blocks: never called on a worker.

internal import Glibc

/// A name that could not be resolved.
public struct NameLookupError: Error, Sendable {
    /// Why, in the words of the C library.
    public let reason: String

    /// Makes an error from its reason.
    public init(reason: String) {
        self.reason = reason
    }
}

/// Asks the system's resolver (files, DNS, whatever it is set up for).
public enum NameLookup {
    /// Most addresses kept of one answer.
    public static let maximumAddresses = 32

    /// The addresses of `name` in the order in which to try them (RFC 6724), with `port`.
    ///
    /// Blocks for as long as the resolver does.
    public static func addresses(of name: String, port: UInt16) throws(NameLookupError) -> [SocketAddress] {
        if let literal = SocketAddress(host: name, port: port) { return [literal] }
        // The C library would stop reading there.
        guard !name.utf8.contains(0) else { throw NameLookupError(reason: "The name holds NUL") }
        var hints = unsafe addrinfo()
        unsafe hints.ai_socktype = CInt(SOCK_STREAM.rawValue)
        unsafe hints.ai_flags = AI_ADDRCONFIG
        var list: UnsafeMutablePointer<addrinfo>?
        let result = unsafe getaddrinfo(name, nil, &hints, &list)
        guard result == 0 else {
            throw NameLookupError(reason: unsafe String(cString: gai_strerror(result)))
        }
        defer { unsafe freeaddrinfo(list) }
        var addresses: [SocketAddress] = []
        var next = unsafe list
        while let entry = unsafe next, addresses.count < maximumAddresses {
            if let address = unsafe SocketAddress(entry.pointee)?.with(port: port),
                !addresses.contains(address)
            {
                addresses.append(address)
            }
            unsafe next = entry.pointee.ai_next
        }
        guard !addresses.isEmpty else { throw NameLookupError(reason: "The name has no address") }
        return addresses
    }

    /// The same, for at most `milliseconds`: a resolver that takes longer goes on in a thread that nobody waits for.
    public static func addresses(
        of name: String,
        port: UInt16,
        within milliseconds: Int
    ) throws(NameLookupError) -> [SocketAddress] {
        if let literal = SocketAddress(host: name, port: port) { return [literal] }
        let answer: Mailbox<Result<[SocketAddress], NameLookupError>>
        do throws(SystemError) {
            answer = try Mailbox()
            try Thread.start("audgate-lookup") { [answer] in
                do throws(NameLookupError) {
                    answer.send(.success(try addresses(of: name, port: port)))
                } catch {
                    answer.send(.failure(error))
                }
            }
        } catch {
            throw NameLookupError(reason: "\(error)")
        }
        guard answer.wait(until: Clock.monotonicMilliseconds + milliseconds),
            let result = answer.takeAll().first
        else {
            throw NameLookupError(reason: "The resolver did not answer in time")
        }
        return try result.get()
    }
}

extension SocketAddress {
    /// Copies the address of an entry that `getaddrinfo` made.
    fileprivate init?(_ entry: addrinfo) {
        guard let source = unsafe entry.ai_addr else { return nil }
        var storage = sockaddr_storage()
        let length = unsafe min(Int(entry.ai_addrlen), MemoryLayout<sockaddr_storage>.size)
        unsafe withUnsafeMutableBytes(of: &storage) {
            unsafe $0.copyMemory(from: UnsafeRawBufferPointer(start: source, count: length))
        }
        self.init(storage)
    }
}
