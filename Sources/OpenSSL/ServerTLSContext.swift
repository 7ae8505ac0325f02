// What a listener needs for its handshakes.

internal import Bytes
internal import COpenSSL

/// The certificates and rules of one listener; shared by all threads.
///
/// Everything is made ready once. A handshake looks a name up in a dictionary and takes a key for its ticket:
/// nothing else is shared, and nothing of it changes but the row of ticket keys, behind its lock.
public final class ServerTLSContext: Sendable {
    /// How long a session can be resumed, in seconds.
    static let resumptionSeconds = 2 * 60 * 60

    let offersHTTP2: Bool
    let ticketKeys = TicketKeys()

    /// The first is that of names which nobody knows.
    private let sets: [CertificateSet]
    private let setByName: [String: Int]

    /// Makes it ready.
    ///
    /// - Parameters:
    ///   - identities: The certificates; the first, and those for its first name with other kinds of keys, stand
    ///     in for names that none covers.
    ///   - minimumVersion: The oldest version that is spoken.
    ///   - clientAuthorities: Who issues the certificates of clients; nil: clients are not asked for any.
    ///   - clientMode: Whether clients must have one.
    ///   - offersHTTP2: Whether `h2` is picked where clients offer it.
    /// - Throws: When there is no identity, or the library fails.
    public init(
        identities: [CertificateIdentity],
        minimumVersion: TLSVersion,
        clientAuthorities: TrustAnchors?,
        clientMode: ClientCertificateMode,
        offersHTTP2: Bool = true
    ) throws(OpenSSLError) {
        ERR_clear_error()
        self.offersHTTP2 = offersHTTP2
        let choice = CertificateChoice(identities)
        setByName = choice.setByName
        var sets: [CertificateSet] = []
        for members in choice.sets {
            let set = try CertificateSet(
                members,
                minimumVersion: minimumVersion,
                clientAuthorities: clientAuthorities,
                clientMode: clientMode
            )
            sets.append(set)
        }
        guard !sets.isEmpty else { throw OpenSSLError() }
        self.sets = sets
    }

    /// Makes a new ticket key the first. Those before open tickets for two more turns; then they are wiped, and
    /// their tickets lead to a whole handshake.
    public func rotateTicketKeys() {
        ticketKeys.rotate()
    }

    /// A session for a connection that was accepted.
    public func makeSession() throws(OpenSSLError) -> TLSSession {
        ERR_clear_error()
        guard let session = sets.first?.newSession() else { throw OpenSSLError() }
        unsafe SSL_set_accept_state(session.pointer)
        return TLSSession(session, side: .server(self))
    }

    /// The certificates for the name that a client asks for; nil: those that every session begins with.
    func set(for name: [UInt8]) -> CertificateSet? {
        guard sets.count > 1 else { return nil }
        let host = CertificateNames.normalized(String(lossy: name.span))
        if let index = setByName[host] { return sets[index] }
        guard let wildcard = CertificateNames.wildcard(for: host), let index = setByName[wildcard] else {
            return nil
        }
        return sets[index]
    }

    /// Whose certificate `certificate` is.
    @unsafe
    func identity(of certificate: OpaquePointer?) -> CertificateIdentity? {
        for set in sets {
            for identity in set.identities where unsafe identity.leaf.pointer == certificate {
                return identity
            }
        }
        return nil
    }
}
