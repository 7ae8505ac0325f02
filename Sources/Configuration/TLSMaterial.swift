// Certificates, authorities and contexts of one configuration: read once and built once for each distinct setting.

internal import HTTP
internal import OpenSSL

/// What a connection to a server is secured by, as far as contexts differ.
struct ClientTLSSettings: Hashable {
    /// Path of the authorities to trust, nil for the system's.
    var authorities: String?
    /// Path of the revocation lists.
    var revocations: String?
    /// The client's own certificate.
    var identity: CertificateFiles?
    /// Whether the server's certificate is checked.
    var verifies = true
    /// Whether HTTP/2 is offered.
    var offersHTTP2 = false
}

/// Where a certificate is, and what belongs to it.
struct CertificateFiles: Hashable {
    /// Path of the certificate and its chain.
    let certificate: String
    /// Where the private key is.
    let key: SecretSource
    /// Path of an OCSP response.
    let staple: String?
    /// Whether clients are shown it, who look for the host's name.
    let isForListener: Bool
}

/// Which of the members that name files a problem is about.
enum TLSFilePart {
    case certificate, key, staple, authorities, revocations
}

/// Why nothing came of files, for the places that name them.
struct TLSProblem: Error {
    let part: TLSFilePart
    let problem: String
    let remedy: String

    init(_ part: TLSFilePart, _ problem: String, _ remedy: String) {
        self.part = part
        self.problem = problem
        self.remedy = remedy
    }
}

/// Reads what TLS needs. 10,000 routes with equal settings share one context, and read their files once.
final class TLSMaterial {
    private let surroundings: ConfigurationSurroundings
    private var identities: [CertificateFiles: Result<CertificateIdentity, TLSProblem>] = [:]
    private var anchors: [[String?]: Result<TrustAnchors, TLSProblem>] = [:]
    private var contexts: [ClientTLSSettings: Result<ClientTLSContext, TLSProblem>] = [:]

    /// What the configuration before has left.
    private let inherited: ConfigurationLegacy
    /// What this configuration leaves.
    private(set) var legacy = ConfigurationLegacy()

    init(_ surroundings: ConfigurationSurroundings) {
        self.surroundings = surroundings
        inherited = surroundings.inherited
    }

    /// Seconds since the Unix epoch.
    var now: Int64 { surroundings.now }

    /// The certificate of these files, and whether they are asked for the first time.
    func identity(_ files: CertificateFiles) -> (Result<CertificateIdentity, TLSProblem>, isFirst: Bool) {
        if let known = identities[files] { return (known, false) }
        let result = Self.result { () throws(TLSProblem) in try self.makeIdentity(files) }
        identities[files] = result
        return (result, true)
    }

    /// The authorities of a file, or the system's, with revocation lists if there are any.
    func anchors(_ authorities: String?, revocations: String?) -> Result<TrustAnchors, TLSProblem> {
        if let known = anchors[[authorities, revocations]] { return known }
        let result = Self.result { () throws(TLSProblem) in
            try self.makeAnchors(authorities, revocations: revocations)
        }
        anchors[[authorities, revocations]] = result
        return result
    }

    /// The context of these settings.
    func context(_ settings: ClientTLSSettings) -> Result<ClientTLSContext, TLSProblem> {
        if let known = contexts[settings] { return known }
        let result = Self.result { () throws(TLSProblem) in try self.makeContext(settings) }
        contexts[settings] = result
        return result
    }

    private func makeIdentity(_ files: CertificateFiles) throws(TLSProblem) -> CertificateIdentity {
        let certificates = try read(files.certificate, .certificate)
        let key = try read(files.key)
        let staple = try files.staple.map { path throws(TLSProblem) in try read(path, .staple) }
        let identity: CertificateIdentity
        do throws(CertificateError) {
            identity = try CertificateIdentity(
                certificates: certificates.span,
                key: key.span,
                staple: staple,
                requiresNames: files.isForListener
            )
        } catch {
            throw TLSProblem(error)
        }
        guard identity.notBefore <= now else {
            let start = CivilTime(unixSeconds: Int(identity.notBefore)).rfc3339Seconds
            throw TLSProblem(
                .certificate,
                "The certificate is not valid before \(start)Z.",
                "Name one that is valid now, or set the clock right."
            )
        }
        guard identity.notAfter > now else {
            let end = CivilTime(unixSeconds: Int(identity.notAfter)).rfc3339Seconds
            throw TLSProblem(.certificate, "The certificate expired at \(end)Z.", "Renew it.")
        }
        return identity
    }

    private func makeAnchors(
        _ authorities: String?,
        revocations: String?
    ) throws(TLSProblem) -> TrustAnchors {
        let lists = try revocations.map { path throws(TLSProblem) in try read(path, .revocations) }
        guard let authorities else {
            return try surroundings.authorities(lists).mapError { TLSProblem(ofSystem: $0) }.get()
        }
        let pem = try read(authorities, .authorities)
        do throws(CertificateError) {
            return try TrustAnchors(authorities: pem.span, revocations: lists)
        } catch {
            throw TLSProblem(error, inAuthorities: true)
        }
    }

    private func makeContext(_ settings: ClientTLSSettings) throws(TLSProblem) -> ClientTLSContext {
        let identity = try settings.identity.map { files throws(TLSProblem) in
            try self.identity(files).0.get()
        }
        let anchors =
            settings.verifies
            ? try anchors(settings.authorities, revocations: settings.revocations).get() : nil
        let key = ConfigurationLegacy.ClientKey(
            anchors: anchors?.digest,
            identity: identity?.digest,
            verifies: settings.verifies,
            offersHTTP2: settings.offersHTTP2
        )
        let known = inherited.clients[key] ?? legacy.clients[key]
        do throws(OpenSSLError) {
            let context =
                if let known {
                    known
                } else {
                    try ClientTLSContext(
                        anchors: anchors,
                        identity: identity,
                        verifies: settings.verifies,
                        offersHTTP2: settings.offersHTTP2
                    )
                }
            legacy.clients[key] = context
            return context
        } catch {
            throw TLSProblem(error)
        }
    }

    /// The context of a listener, which is described at `pointer`.
    func listenerContext(
        at pointer: String,
        _ identities: [CertificateIdentity],
        minimumVersion: TLSVersion,
        clientAuthorities: TrustAnchors?,
        clientMode: ClientCertificateMode
    ) throws(OpenSSLError) -> ServerTLSContext {
        let key = ConfigurationLegacy.ListenerKey(
            pointer: pointer,
            identities: identities.map(\.digest),
            minimumVersion: minimumVersion,
            clientAuthorities: clientAuthorities?.digest,
            clientMode: clientMode
        )
        let context =
            if let known = inherited.listeners[key] {
                known
            } else {
                try ServerTLSContext(
                    identities: identities,
                    minimumVersion: minimumVersion,
                    clientAuthorities: clientAuthorities,
                    clientMode: clientMode
                )
            }
        legacy.listeners[key] = context
        return context
    }

    private func read(_ path: String, _ part: TLSFilePart) throws(TLSProblem) -> [UInt8] {
        try surroundings.read(path)
            .mapError { TLSProblem(part, $0.sentence, "Name a file that can be read.") }.get()
    }

    private func read(_ key: SecretSource) throws(TLSProblem) -> [UInt8] {
        do throws(SecretProblem) {
            return try surroundings.octets(of: key)
        } catch {
            throw TLSProblem(.key, error.problem, error.remedy)
        }
    }

    private static func result<Value>(
        _ body: () throws(TLSProblem) -> Value
    ) -> Result<Value, TLSProblem> {
        do throws(TLSProblem) {
            return .success(try body())
        } catch {
            return .failure(error)
        }
    }
}

extension TLSProblem {
    /// Says which file is to blame, and what to do about it.
    init(_ error: CertificateError, inAuthorities: Bool = false) {
        let (part, remedy): (TLSFilePart, String) =
            switch error {
            case .noKey, .malformedKey: (.key, "Name a PEM text that holds the private key (PKCS #8).")
            case .encryptedKey: (.key, "Store it without a passphrase, for the gateway's user alone.")
            case .keyMismatch: (.key, "Name the key that the certificate was issued for.")
            case .malformedStaple: (.staple, "Name a file with an OCSP response in DER.")
            case .unsuccessfulStaple: (.staple, "Ask the authority's responder again.")
            case .foreignStaple: (.staple, "Ask the authority's responder about this certificate.")
            case .malformedRevocationList:
                (.revocations, "Name a PEM file with certificate revocation lists.")
            case .noAuthority: (.authorities, "Name a PEM file with the certificates of authorities.")
            case .noNames: (.certificate, "Let the authority put its host names into subjectAltName.")
            case .weakKey, .unsupportedKey:
                (.certificate, "Use a new certificate, with an ECDSA key on P-256.")
            case .library: (.certificate, "Look for what the system's OpenSSL lacks.")
            case .noCertificate, .malformedCertificate:
                (.certificate, "Name a PEM file with the certificate first and its chain behind it.")
            }
        self.init(inAuthorities && part == .certificate ? .authorities : part, error.sentence, remedy)
    }

    /// Says why the system's authorities cannot be used.
    init(ofSystem error: CertificateError) {
        guard error != .malformedRevocationList else {
            self.init(error)
            return
        }
        self.init(
            .authorities,
            "The certificate authorities of the system cannot be read.",
            "Install them, or name a PEM file with those to trust as \"ca\"."
        )
    }

    /// What the library itself refused.
    init(_ error: OpenSSLError) {
        self.init(.certificate, "OpenSSL cannot use this (error \(error.code)).", "Use another certificate.")
    }
}
