// What of an address tells one site from another, for limits that hold for each.

extension SocketAddress {
    /// The octets that one site has to itself: all of an IPv4 address, also of a mapped one, and the first eight of an
    /// IPv6 address, as whoever has one address of a /64 has all of them (RFC 6177). nil for a Unix path.
    public var site: [UInt8]? {
        switch kind {
        case .ipv4(let bits, _):
            let value = UInt32(bigEndian: bits)
            return [24, 16, 8, 0].map { UInt8(truncatingIfNeeded: value >> $0) }
        case .ipv6(let octets, _, _):
            let mapped: [UInt8] = [0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xFF, 0xFF]
            return Array(octets.starts(with: mapped) ? octets[12...] : octets[..<8])
        case .unix: return nil
        }
    }
}
