// A range of addresses, such as those of the load balancers that may speak for others.

/// A network such as `10.0.0.0/8` or `::1/128`; an address alone is a network of one.
public struct Network: Sendable, Equatable {
    /// The address of the network in network order, four octets or sixteen; those behind the prefix are zero.
    private let octets: [UInt8]
    /// How many leading bits an address must share: at most 32 for IPv4, at most 128 for IPv6.
    public let prefixLength: Int

    /// Reads an address with or without a prefix length (RFC 4632 §3.1, RFC 4291 §2.3), nil if it is none.
    ///
    /// The bits behind the prefix must be zero: `10.0.0.1/8` could mean the address or the network.
    /// A network of IPv4-mapped addresses (`::ffff:10.0.0.0/104`) is the network of IPv4 that it stands for.
    public init?(_ text: String) {
        let parts = text.split(separator: "/", maxSplits: 1, omittingEmptySubsequences: false)
        guard let host = parts.first, !host.utf8.contains(UInt8(ascii: "[")),
            let address = SocketAddress(host: String(host), port: 0),
            let written = Self.octets(of: address)
        else { return nil }
        var length = written.count * 8
        if parts.count == 2 {
            guard let number = Self.number(parts[1]), number <= length else { return nil }
            length = number
        }
        guard Self.masked(written, to: length) == written else { return nil }
        let isMapped = length >= Self.mappedPrefix.count * 8 && written.starts(with: Self.mappedPrefix)
        octets = isMapped ? Array(written.dropFirst(Self.mappedPrefix.count)) : written
        prefixLength = isMapped ? length - Self.mappedPrefix.count * 8 : length
    }

    /// Whether `address` is one of the network's. An IPv4-mapped address counts as IPv4; a Unix path is in none.
    public func contains(_ address: SocketAddress) -> Bool {
        guard var other = Self.octets(of: address) else { return false }
        if other.starts(with: Self.mappedPrefix) { other.removeFirst(Self.mappedPrefix.count) }
        return other.count == octets.count && Self.masked(other, to: prefixLength) == octets
    }

    /// What the sixteen octets of an IPv4-mapped address begin with (RFC 4291 §2.5.5.2).
    private static let mappedPrefix: [UInt8] = [0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xFF, 0xFF]

    private static func octets(of address: SocketAddress) -> [UInt8]? {
        switch address.kind {
        case .ipv4(let bits, _):
            let value = UInt32(bigEndian: bits)
            return [24, 16, 8, 0].map { UInt8(truncatingIfNeeded: value >> $0) }
        case .ipv6(let octets, _, _): return octets
        case .unix: return nil
        }
    }

    /// `octets` with every bit behind the first `length` cleared.
    private static func masked(_ octets: [UInt8], to length: Int) -> [UInt8] {
        octets.enumerated().map { index, octet in
            let kept = min(max(length - index * 8, 0), 8)
            return octet & UInt8(truncatingIfNeeded: 0xFF00 >> kept)
        }
    }

    /// A decimal number without sign and leading zeros.
    private static func number(_ text: Substring) -> Int? {
        guard text.utf8.count <= 3, text.utf8.allSatisfy({ $0 >= 0x30 && $0 <= 0x39 }),
            text == "0" || !text.hasPrefix("0")
        else { return nil }
        return Int(text)
    }
}
