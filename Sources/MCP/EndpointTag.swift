// The short name of an upstream endpoint inside of a sealed session id.

internal import Bytes
internal import OpenSSL

/// The first eight octets of the SHA-256 of an endpoint's name: tells which endpoint holds a session, without its name.
public struct EndpointTag: Hashable, Sendable {
    /// Number of octets.
    static let length = 8

    /// The octets as one number, the first in front.
    public let value: UInt64

    /// The tag of the endpoint called `name`.
    public init(ofEndpoint name: String) {
        value = SHA256.digest(of: name.octets.span).prefix
    }

    /// Another tag, out of which `mask` makes this one again.
    func masked(by mask: UInt64) -> EndpointTag { EndpointTag(value: value ^ mask) }

    private init(value: UInt64) {
        self.value = value
    }

    /// Reads a tag from its octets; what stands behind them is left alone.
    init(_ octets: borrowing Span<UInt8>) {
        var value: UInt64 = 0
        for index in 0..<min(octets.count, Self.length) { value = value << 8 | UInt64(octets[index]) }
        self.value = value
    }

    /// The octets in order.
    var octets: [UInt8] {
        stride(from: UInt64(56), through: 0, by: -8).map { UInt8(truncatingIfNeeded: value >> $0) }
    }
}

/// Where a session or a task is: at which endpoint, and at which address of its name.
public struct PlaceTag: Hashable, Sendable {
    /// The endpoint.
    public let endpoint: EndpointTag
    /// The address; nil where the endpoint is one by itself.
    public let address: EndpointTag?

    /// Puts the two together.
    public init(endpoint: EndpointTag, address: EndpointTag? = nil) {
        self.endpoint = endpoint
        self.address = address
    }
}
