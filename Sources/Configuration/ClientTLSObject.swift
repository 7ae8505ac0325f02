// The TLS settings of connections to servers as they are written: for upstreams and for sources of keys.

internal import JSON
internal import OpenSSL

/// Members of the TLS settings of connections to a server.
enum ClientTLSMember: String, MemberName {
    case authorities = "ca"
    case revocations = "crl"
    case serverName = "server_name"
    case certificate, verify

    static let object = "the TLS settings of a client"
}

/// What connections to a server are secured by.
struct ClientTLSObject {
    /// What handshakes need.
    let context: ClientTLSContext
    /// The name that certificates must have, nil for the host of each address.
    let serverName: String?

    /// The defaults, for what `node` names; nil if the system has no authorities, which is reported there.
    init?(defaultsFor node: Node, offersHTTP2: Bool, _ material: TLSMaterial) {
        switch material.context(ClientTLSSettings(offersHTTP2: offersHTTP2)) {
        case .success(let context):
            self.context = context
            serverName = nil
        case .failure(let problem):
            node.error(problem.problem, problem.remedy)
            return nil
        }
    }

    /// Reads the settings; nil if something of them was reported.
    ///
    /// - Parameters:
    ///   - node: The object.
    ///   - isOnLoopback: Whether every address is known and on loopback, so that nobody stands in between.
    ///   - offersHTTP2: Whether HTTP/2 is offered.
    ///   - material: Reads the files.
    init?(_ node: Node, isOnLoopback: Bool, offersHTTP2: Bool, _ material: TLSMaterial) {
        guard let members = ObjectReader(node, of: ClientTLSMember.self) else { return nil }
        var isWhole = true
        let certificate = members.optional(.certificate, &isWhole) {
            CertificateObject(ofClient: $0, material)
        }
        let settings = ClientTLSSettings(
            authorities: members.optional(.authorities, &isWhole) { $0.filePath() },
            revocations: members.optional(.revocations, &isWhole) { $0.filePath() },
            identity: certificate?.files,
            verifies: members.optional(.verify, &isWhole) { $0.bool() } ?? true,
            offersHTTP2: offersHTTP2
        )
        serverName = members.optional(.serverName, &isWhole) { $0.hostName() }
        if !settings.verifies, !Self.mayGoUnverified(members, isOnLoopback: isOnLoopback) { isWhole = false }
        guard isWhole else { return nil }
        switch material.context(settings) {
        case .success(let context): self.context = context
        case .failure(let problem):
            let culprit =
                switch problem.part {
                case .authorities: members[.authorities]
                case .revocations: members[.revocations]
                case .certificate, .key, .staple: members[.certificate]
                }
            (culprit ?? node).error(problem.problem, problem.remedy)
            return nil
        }
    }

    /// Reports why `"verify": false` cannot stand here, and tells whether it can.
    private static func mayGoUnverified(_ members: ObjectReader<ClientTLSMember>, isOnLoopback: Bool) -> Bool
    {
        var may = isOnLoopback
        if !isOnLoopback {
            members[.verify]?.error(
                "Without verification anybody on the way could answer for the server and read the tokens: "
                    + "only addresses on loopback that are written here may go without.",
                "Remove \"verify\"; if the system does not know the server's authority, name it as \"ca\"."
            )
        }
        for name in [ClientTLSMember.authorities, .revocations] {
            guard let member = members[name] else { continue }
            member.errorAtName(
                "Nothing is checked against \"\(name.rawValue)\" while \"verify\" is false.",
                "Remove one of the two."
            )
            may = false
        }
        return may
    }
}
