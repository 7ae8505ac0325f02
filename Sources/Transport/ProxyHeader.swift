// The header that a load balancer puts before a connection, to say whose connection it is.

internal import Bytes

/// Why octets are no header of the PROXY protocol. The connection has to be dropped.
public enum ProxyHeaderError: String, Error, Sendable, CaseIterable {
    /// The first octets are neither those of version 1 nor those of version 2.
    case notProxyHeader = "not_proxy_header"
    /// The line of version 1 has more than 107 octets, or the header of version 2 more than `maximumLength`.
    case tooLong = "too_long"
    /// The line of version 1 has a CR or LF alone.
    case malformedLineEnd = "malformed_line_end"
    /// The line of version 1 is not a protocol, two addresses of its family and two ports, each behind one space.
    case malformedLine = "malformed_line"
    /// The binary header has another version than 2.
    case unsupportedVersion = "unsupported_version"
    /// The binary header has a command that nobody has defined.
    case unknownCommand = "unknown_command"
    /// The binary header has an address family or transport protocol that nobody has defined.
    case unknownFamily = "unknown_family"
    /// The binary header is shorter than the addresses of its family.
    case addressTooShort = "address_too_short"
    /// What follows the addresses is no row of type, length and value.
    case malformedVector = "malformed_vector"
    /// The checksum is another than that of the header.
    case wrongChecksum = "wrong_checksum"
}

/// The header of the PROXY protocol, versions 1 and 2 (HAProxy's proxy-protocol.txt).
public enum ProxyHeader: Sendable, Equatable {
    /// The connection is one of this client.
    case client(SocketAddress)
    /// The sender speaks for itself, or for a client that has no address on the Internet: the connection's own
    /// peer counts. (LOCAL, UNKNOWN, AF_UNSPEC, AF_UNIX and datagrams.)
    case unknown

    /// Most octets of a header of either version, vectors included. What says that it is longer is refused.
    public static let maximumLength = 4096

    /// Reads the header at the beginning of `input`; what follows it belongs to the connection.
    ///
    /// - Parameter input: The octets that have come so far.
    /// - Returns: The header and how many octets it has; nil if more are needed.
    /// - Throws: As soon as the octets show that they are no header.
    public static func parse(
        _ input: borrowing Span<UInt8>
    ) throws(ProxyHeaderError) -> (header: ProxyHeader, length: Int)? {
        guard !input.isEmpty else { return nil }
        return input[0] == BinaryProxyHeader.signature[0]
            ? try BinaryProxyHeader.parse(input) : try ProxyHeaderLine.parse(input)
    }

    /// Whether `input` begins with `signature`; false while it may still do so.
    fileprivate static func has(
        _ signature: [UInt8],
        _ input: borrowing Span<UInt8>
    ) throws(ProxyHeaderError) -> Bool {
        for index in 0..<min(input.count, signature.count) where input[index] != signature[index] {
            throw .notProxyHeader
        }
        return input.count >= signature.count
    }
}

/// Version 1: a line of text (section 2.1).
private enum ProxyHeaderLine {
    /// What it begins with: `PROXY `.
    static let signature: [UInt8] = [0x50, 0x52, 0x4F, 0x58, 0x59, 0x20]
    /// Most octets, line end included.
    static let maximumLength = 107

    static func parse(
        _ input: borrowing Span<UInt8>
    ) throws(ProxyHeaderError) -> (header: ProxyHeader, length: Int)? {
        guard try ProxyHeader.has(signature, input), let end = try end(of: input) else { return nil }
        // Octets that are not ASCII become marks that no part of a line has.
        let line = String(lossy: input.extracting(0..<end))
        let parts = line.utf8.split(separator: ASCII.space, omittingEmptySubsequences: false).map {
            Substring($0)
        }
        return (try header(parts), end + 2)
    }

    /// Offset of the line end, nil if it has not come yet.
    private static func end(of input: borrowing Span<UInt8>) throws(ProxyHeaderError) -> Int? {
        let count = min(input.count, maximumLength)
        for index in 0..<count {
            if input[index] == ASCII.lineFeed { throw .malformedLineEnd }
            guard input[index] == ASCII.carriageReturn, index + 1 < count else { continue }
            guard input[index + 1] == ASCII.lineFeed else { throw .malformedLineEnd }
            return index
        }
        guard count < maximumLength else { throw .tooLong }
        return nil
    }

    /// What the parts of the line say; the first is the signature.
    private static func header(_ parts: [Substring]) throws(ProxyHeaderError) -> ProxyHeader {
        // Whatever follows this word is to be ignored.
        guard parts[1] != "UNKNOWN" else { return .unknown }
        guard parts.count == 6, parts[1] == "TCP4" || parts[1] == "TCP6",
            let sourcePort = port(parts[4]), port(parts[5]) != nil,
            let source = address(parts[2], parts[1], sourcePort), address(parts[3], parts[1], 0) != nil
        else { throw .malformedLine }
        return .client(source)
    }

    private static func address(_ text: Substring, _ family: Substring, _ port: UInt16) -> SocketAddress? {
        // Brackets are not part of an address here.
        guard !text.utf8.contains(UInt8(ascii: "[")) else { return nil }
        let address = SocketAddress(host: String(text), port: port)
        switch address?.kind {
        case .ipv4: return family == "TCP4" ? address : nil
        case .ipv6: return family == "TCP6" ? address : nil
        default: return nil
        }
    }

    /// A decimal number without sign and leading zeros.
    private static func port(_ text: Substring) -> UInt16? {
        guard text.utf8.allSatisfy({ ASCII.isDigit($0) }), text == "0" || !text.hasPrefix("0") else {
            return nil
        }
        return UInt16(text)
    }
}

/// Version 2: sixteen octets, addresses, and rows of type, length and value (section 2.2).
private enum BinaryProxyHeader {
    /// What it begins with.
    static let signature: [UInt8] = [
        0x0D, 0x0A, 0x0D, 0x0A, 0x00, 0x0D, 0x0A, 0x51, 0x55, 0x49, 0x54, 0x0A,
    ]
    /// Octets before the addresses.
    private static let fixedLength = 16
    /// Type of the row with the checksum.
    private static let checksumType: UInt8 = 0x03

    static func parse(
        _ input: borrowing Span<UInt8>
    ) throws(ProxyHeaderError) -> (header: ProxyHeader, length: Int)? {
        guard try ProxyHeader.has(signature, input), input.count > signature.count else { return nil }
        let versionAndCommand = input[12]
        guard versionAndCommand >> 4 == 2 else { throw .unsupportedVersion }
        guard versionAndCommand & 0xF <= 1 else { throw .unknownCommand }
        guard input.count >= fixedLength else { return nil }
        let length = fixedLength + Int(number(input, at: 14))
        guard length <= ProxyHeader.maximumLength else { throw .tooLong }
        let isLocal = versionAndCommand & 0xF == 0
        let addressLength = isLocal ? 0 : try addressLength(input[13])
        guard length - fixedLength >= addressLength else { throw .addressTooShort }
        guard input.count >= length else { return nil }
        // All that comes with LOCAL is to be discarded.
        guard !isLocal else { return (.unknown, length) }
        try checkVectors(input.extracting(0..<length), from: fixedLength + addressLength)
        return (header(input), length)
    }

    /// Octets of the two addresses and ports of this family and protocol.
    private static func addressLength(_ family: UInt8) throws(ProxyHeaderError) -> Int {
        guard family & 0xF <= 2 else { throw .unknownFamily }
        switch family >> 4 {
        case 0: return 0
        case 1: return 12
        case 2: return 36
        case 3: return 216
        default: throw .unknownFamily
        }
    }

    /// The source of a stream between Internet addresses; what else there is tells nothing about the client.
    private static func header(_ input: borrowing Span<UInt8>) -> ProxyHeader {
        switch input[13] {
        case 0x11:
            return .client(SocketAddress(.ipv4(bits(input, at: 16).bigEndian, port: number(input, at: 24))))
        case 0x21:
            let octets = Array(copying: input.extracting(16..<32))
            return .client(SocketAddress(.ipv6(octets, port: number(input, at: 48), scope: 0)))
        default: return .unknown
        }
    }

    /// The two octets at `offset` as a number.
    private static func number(_ input: borrowing Span<UInt8>, at offset: Int) -> UInt16 {
        UInt16(input[offset]) << 8 | UInt16(input[offset + 1])
    }

    /// The four octets at `offset` as a number.
    private static func bits(_ input: borrowing Span<UInt8>, at offset: Int) -> UInt32 {
        UInt32(number(input, at: offset)) << 16 | UInt32(number(input, at: offset + 2))
    }

    /// Checks that the rows from `start` on fill `header`, and its checksum if there is one.
    private static func checkVectors(
        _ header: borrowing Span<UInt8>,
        from start: Int
    ) throws(ProxyHeaderError) {
        var offset = start
        var checksum: Range<Int>?
        while offset < header.count {
            guard header.count - offset >= 3 else { throw .malformedVector }
            let value = offset + 3
            let end = value + Int(number(header, at: offset + 1))
            guard end <= header.count else { throw .malformedVector }
            if header[offset] == checksumType {
                guard checksum == nil, end - value == 4 else { throw .malformedVector }
                checksum = value..<end
            }
            offset = end
        }
        guard let checksum else { return }
        guard bits(header, at: checksum.lowerBound) == crc32c(header, zero: checksum) else {
            throw .wrongChecksum
        }
    }

    /// CRC32c of `header` with the octets at `zero` taken for zero (RFC 9260 appendix A).
    private static func crc32c(_ header: borrowing Span<UInt8>, zero: Range<Int>) -> UInt32 {
        var remainder = UInt32.max
        for index in header.indices {
            remainder ^= zero.contains(index) ? 0 : UInt32(header[index])
            for _ in 0..<8 { remainder = remainder >> 1 ^ (remainder & 1 == 0 ? 0 : 0x82F6_3B78) }
        }
        return ~remainder
    }
}
