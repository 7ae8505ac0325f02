// Session ids that are worth something to one principal on one route only.

internal import Bytes
internal import OpenSSL

/// A session id of the upstream, freed from its seal.
public struct OpenedSession: Equatable, Sendable {
    /// The upstream's own id: 1 to `SessionSeal.maximumUpstreamLength` octets of 0x21 to 0x7E.
    public let id: [UInt8]
    /// Where the session is.
    public let place: PlaceTag
}

/// Seals the session ids of upstreams and opens them again.
///
/// A sealed id is base64url without padding of: the format (one octet), the key's identifier (4 octets), the
/// endpoint's tag (8), in format 2 the tag of its address (8), the upstream's id, and the HMAC-SHA-256 of all these and
/// the binding (32). The id can be read by whom it is given to; it cannot be altered, or used by another principal or on
/// another route. The tag of the address is masked, as there are so few addresses that a plain digest would tell them.
public enum SessionSeal {
    /// Longest id of an upstream in octets.
    public static let maximumUpstreamLength = 512

    /// Longest sealed id in octets.
    public static let maximumLength = (4 * (overhead + EndpointTag.length + maximumUpstreamLength) + 2) / 3

    /// Longest id in octets that a client may present at all; longer ones are no session ids but an attack.
    public static let maximumPresentedLength = 4096

    /// Without and with the tag of an address.
    private static let formats: (plain: UInt8, addressed: UInt8) = (1, 2)
    private static let headLength = 1 + SessionKeys.Key.identifierLength + EndpointTag.length
    private static let overhead = headLength + Digest256.byteCount

    /// Seals `id` for `binding` under the first of `keys`.
    ///
    /// - Parameters:
    ///   - id: The upstream's id.
    ///   - binding: Who may use the session, and where.
    ///   - place: Where the session is.
    ///   - keys: The gateway's keys.
    /// - Returns: The id for the client, letters, digits, `-` and `_` only.
    /// - Throws: Why the upstream's id is none.
    public static func seal(
        _ id: borrowing Span<UInt8>,
        for binding: SessionBinding,
        at place: PlaceTag,
        keys: SessionKeys
    ) throws(SessionViolation) -> [UInt8] {
        guard !id.isEmpty else { throw .upstreamIDEmpty }
        guard id.count <= maximumUpstreamLength else { throw .upstreamIDTooLong }
        guard isVisible(id) else { throw .upstreamIDInvalid }
        let id = [UInt8](copying: id)
        var sealed = [place.address == nil ? formats.plain : formats.addressed]
        sealed += keys.sealing.identifier + place.endpoint.octets
        if let address = place.address {
            sealed += address.masked(by: mask(of: id, under: keys.sealing)).octets
        }
        sealed += id
        sealed.append(contentsOf: code(of: sealed, for: binding, under: keys.sealing).bytes)
        return Base64URL.encode(sealed.span).octets
    }

    /// Opens the id that a client presents.
    ///
    /// - Parameters:
    ///   - sealed: The client's id.
    ///   - binding: Who presents it, and where.
    ///   - keys: The gateway's keys, any of which may have sealed it.
    /// - Returns: What was sealed for the same binding.
    /// - Throws: Why there is no such session.
    public static func open(
        _ sealed: borrowing Span<UInt8>,
        for binding: SessionBinding,
        keys: SessionKeys
    ) throws(SessionViolation) -> OpenedSession {
        guard sealed.count <= maximumPresentedLength else { throw .tooLong }
        guard !sealed.isEmpty, isVisible(sealed) else { throw .invalid }
        guard sealed.count <= maximumLength, let octets = Base64URL.decode(sealed),
            let format = octets.first, format == formats.plain || format == formats.addressed
        else { throw .notSealed }
        let addressLength = format == formats.addressed ? EndpointTag.length : 0
        guard octets.count > overhead + addressLength else { throw .notSealed }
        let content = Array(octets.dropLast(Digest256.byteCount))
        guard let presented = Digest256(octets.span.extracting(content.count...)) else { throw .notSealed }
        let candidates = keys.all.filter { content.dropFirst().starts(with: $0.identifier) }
        guard !candidates.isEmpty else { throw .unknownKey }
        // Digests compare in constant time.
        guard let key = candidates.first(where: { code(of: content, for: binding, under: $0) == presented })
        else { throw .foreign }
        let id = Array(content.dropFirst(headLength + addressLength))
        let endpoint = EndpointTag(content.span.extracting((headLength - EndpointTag.length)...))
        guard addressLength > 0 else { return OpenedSession(id: id, place: PlaceTag(endpoint: endpoint)) }
        let address = EndpointTag(content.span.extracting(headLength...)).masked(by: mask(of: id, under: key))
        return OpenedSession(id: id, place: PlaceTag(endpoint: endpoint, address: address))
    }

    /// What the tag of an address is hidden by. No content of a seal is as long as the length in front says.
    private static func mask(of id: [UInt8], under key: SessionKeys.Key) -> UInt64 {
        key.code(for: [0xFF, 0xFF] + id).prefix
    }

    /// The content has its length in front, so that it cannot run into the binding.
    private static func code(
        of content: [UInt8],
        for binding: SessionBinding,
        under key: SessionKeys.Key
    ) -> Digest256 {
        let length = [
            UInt8(truncatingIfNeeded: content.count >> 8), UInt8(truncatingIfNeeded: content.count),
        ]
        return key.code(for: length + content + binding.octets)
    }

    private static func isVisible(_ id: borrowing Span<UInt8>) -> Bool {
        for index in id.indices where !(0x21...0x7E).contains(id[index]) { return false }
        return true
    }
}
