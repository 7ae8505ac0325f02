// Whom a session belongs to, and where.

/// The route and the principal of a session, as one unambiguous string of octets.
///
/// Each field has its length in front, so that none can run into the next; two bindings are equal exactly when all
/// fields are the same octets.
public struct SessionBinding: Hashable, Sendable {
    /// The octets: no two bindings have the same, and none begins with those of another.
    public let octets: [UInt8]

    /// Binds to a principal on a route.
    ///
    /// - Parameters:
    ///   - route: The resource URI of the route.
    ///   - issuer: The token's `iss`.
    ///   - subject: The token's `sub`, of any content.
    ///   - client: The token's `client_id`; no client is not the same as an empty one.
    public init(route: String, issuer: String, subject: String, client: String?) {
        var octets: [UInt8] = []
        for field in [route, issuer, subject] { Self.append(field, to: &octets) }
        octets.append(client == nil ? 0 : 1)
        if let client { Self.append(client, to: &octets) }
        self.octets = octets
    }

    private static func append(_ field: String, to octets: inout [UInt8]) {
        let length = UInt64(field.utf8.count)
        for shift in stride(from: UInt64(56), through: 0, by: -8) {
            octets.append(UInt8(truncatingIfNeeded: length >> shift))
        }
        octets.append(contentsOf: field.utf8)
    }
}
