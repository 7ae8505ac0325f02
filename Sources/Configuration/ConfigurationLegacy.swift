// What one configuration leaves to the next.

internal import OpenSSL

/// What a configuration leaves to the one that follows it in the same process, so that a reload ends nothing that has
/// not changed: settings of TLS, on which connections and tickets hang.
public struct ConfigurationLegacy: Sendable {
    /// What makes two settings for connections to servers the same.
    struct ClientKey: Hashable {
        let anchors: Digest256?
        let identity: Digest256?
        let verifies: Bool
        let offersHTTP2: Bool
    }

    /// What makes two settings of listeners the same.
    struct ListenerKey: Hashable {
        /// Listeners do not share settings: their tickets are their own.
        let pointer: String
        let identities: [Digest256]
        let minimumVersion: TLSVersion
        let clientAuthorities: Digest256?
        let clientMode: ClientCertificateMode
    }

    var clients: [ClientKey: ClientTLSContext] = [:]
    var listeners: [ListenerKey: ServerTLSContext] = [:]
    /// What the first configuration of a process has: nothing.
    public init() {}
}
