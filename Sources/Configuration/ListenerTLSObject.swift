// The TLS settings of a listener as they are written.

internal import JSON
internal import OpenSSL

/// Members of the TLS settings of a listener.
enum ListenerTLSMember: String, MemberName {
    case certificates
    case minimumVersion = "minimum_version"
    case clientCertificates = "client_certificates"

    static let object = "the TLS settings of a listener"
}

/// Members of what a listener asks of the certificates of clients.
enum ClientCertificatesMember: String, MemberName {
    case authorities = "ca"
    case mode
    case revocations = "crl"

    static let object = "the client certificates"
}

/// The TLS settings of a listener as they are written.
struct ListenerTLSObject {
    /// The certificates, as far as nothing of them was reported.
    let certificates: [CertificateObject]
    /// What handshakes need, nil if something was reported.
    let context: ServerTLSContext?
    /// Whether nobody gets a connection without a certificate of their own.
    let requiresClientCertificate: Bool

    /// Lowest version unless something else is said.
    static let defaultMinimumVersion = TLSVersion.tls12
    /// What is asked of clients if an authority stands there and nothing else is said.
    static let defaultClientMode = ClientCertificateMode.require

    /// Reads the settings; nil if they are no object.
    init?(_ node: Node, _ material: TLSMaterial) {
        guard let members = ObjectReader(node, of: ListenerTLSMember.self) else { return nil }
        var isWhole = true
        let elements = members.required(.certificates)?.nonEmptyElements(
            "a list of certificates",
            because: "Name at least one certificate: no client speaks TLS without."
        )
        certificates = (elements ?? []).compactMap { CertificateObject(ofListener: $0, material) }
        let version = members.optional(.minimumVersion, &isWhole) { $0.choice(TLSVersion.self) }
        let clients = members.optional(.clientCertificates, &isWhole) { ClientCertificates($0, material) }
        requiresClientCertificate = clients?.mode == .require
        guard isWhole, let elements, certificates.count == elements.count else {
            context = nil
            return
        }
        do throws(OpenSSLError) {
            context = try material.listenerContext(
                at: node.pointer,
                certificates.map(\.identity),
                minimumVersion: version ?? Self.defaultMinimumVersion,
                clientAuthorities: clients?.anchors,
                clientMode: clients?.mode ?? Self.defaultClientMode
            )
        } catch {
            let problem = TLSProblem(error)
            node.error(problem.problem, problem.remedy)
            context = nil
        }
    }
}

/// What a listener asks of the certificates of clients.
private struct ClientCertificates {
    let anchors: TrustAnchors
    let mode: ClientCertificateMode

    init?(_ node: Node, _ material: TLSMaterial) {
        guard let members = ObjectReader(node, of: ClientCertificatesMember.self) else { return nil }
        var isWhole = true
        let mode = members.optional(.mode, &isWhole) { $0.choice(ClientCertificateMode.self) }
        let revocations = members.optional(.revocations, &isWhole) { $0.filePath() }
        guard let authorities = members.required(.authorities), let path = authorities.filePath() else {
            return nil
        }
        switch material.anchors(path, revocations: revocations) {
        case .success(let anchors):
            guard isWhole else { return nil }
            self.anchors = anchors
            self.mode = mode ?? ListenerTLSObject.defaultClientMode
        case .failure(let problem):
            let culprit = problem.part == .revocations ? members[.revocations] : authorities
            (culprit ?? authorities).error(problem.problem, problem.remedy)
            return nil
        }
    }
}
