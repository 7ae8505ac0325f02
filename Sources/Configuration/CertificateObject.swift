// A certificate as it is written: files for the certificate with its chain, its key and its revocation status.

internal import HTTP
internal import OpenSSL

/// Members of a certificate of a listener.
enum CertificateMember: String, MemberName {
    case certificate, key
    case staple = "ocsp"

    static let object = "a certificate"
}

/// Members of the certificate that the gateway shows to servers.
enum ClientCertificateMember: String, MemberName {
    case certificate, key

    static let object = "a client certificate"
}

/// A certificate as it is written.
struct CertificateObject {
    let files: CertificateFiles
    /// What came of the files.
    let identity: CertificateIdentity

    /// How long before its end a certificate is warned of, in seconds.
    static let warningPeriod: Int64 = 14 * 86_400

    /// Reads a certificate of a listener; nil if something of it was reported.
    init?(ofListener node: Node, _ material: TLSMaterial) {
        guard let members = ObjectReader(node, of: CertificateMember.self) else { return nil }
        let staple = members[.staple]
        self.init(
            members.required(.certificate),
            members.required(.key),
            staple,
            material,
            isForListener: true
        )
    }

    /// Reads a certificate for servers; nil if something of it was reported.
    init?(ofClient node: Node, _ material: TLSMaterial) {
        guard let members = ObjectReader(node, of: ClientCertificateMember.self) else { return nil }
        self.init(members.required(.certificate), members.required(.key), nil, material, isForListener: false)
    }

    private init?(
        _ certificate: Node?,
        _ key: Node?,
        _ staple: Node?,
        _ material: TLSMaterial,
        isForListener: Bool
    ) {
        let paths = (certificate?.filePath(), key?.secret(), staple?.filePath())
        guard let certificate, let key, let path = paths.0, let source = paths.1,
            staple == nil || paths.2 != nil
        else { return nil }
        let files = CertificateFiles(
            certificate: path,
            key: source,
            staple: paths.2,
            isForListener: isForListener
        )
        let (result, isFirst) = material.identity(files)
        switch result {
        case .success(let identity):
            self.files = files
            self.identity = identity
            if isFirst { warn(certificate, staple, now: material.now) }
        case .failure(let problem):
            let culprit = problem.part == .key ? key : problem.part == .staple ? staple : certificate
            (culprit ?? certificate).error(problem.problem, problem.remedy)
            return nil
        }
    }

    private func warn(_ certificate: Node, _ staple: Node?, now: Int64) {
        if identity.notAfter - now < Self.warningPeriod {
            let end = CivilTime(unixSeconds: Int(identity.notAfter)).rfc3339Seconds
            certificate.warning("The certificate expires at \(end)Z, in less than 14 days.", "Renew it.")
        }
        if let expiry = identity.stapleExpires, expiry <= now {
            let end = CivilTime(unixSeconds: Int(expiry)).rfc3339Seconds
            staple?.warning(
                "The OCSP response expired at \(end)Z: clients that look at it refuse the connection.",
                "Ask the authority's responder again."
            )
        }
    }
}
