// Where a gateway answers health checks, read from the text of its configuration alone.

internal import JSON
internal import OpenSSL
public import Transport

/// A listener as whoever asks it for its health needs to know it.
public struct HealthListener: Sendable {
    /// Where it listens.
    public let address: SocketAddress
    /// The path that answers.
    public let path: String
    /// Whether it speaks TLS.
    public let isSecure: Bool
    /// Whether it takes no connection without a client's certificate.
    public let demandsCertificate: Bool
    /// Networks whose connections begin with a header of the PROXY protocol.
    public let proxyNetworks: [Network]
}

extension ConfigurationLoader {
    /// Reads the listeners of the file at `path`, and nothing else: a gateway that runs is healthy whatever has become
    /// of its routes, certificates and secrets on disk since it started.
    ///
    /// - Returns: The listeners that can be read, at least one.
    /// - Throws: Why none can be read.
    public static func healthListeners(path: String) throws(ConfigurationError) -> [HealthListener] {
        switch ConfigurationFile.read(path) {
        case .success(let source): return try healthListeners(in: source)
        case .failure(let error): throw unreadable(path, error)
        }
    }

    /// Reads the listeners of a text.
    static func healthListeners(in source: ConfigurationSource) throws(ConfigurationError) -> [HealthListener]
    {
        let findings = Findings()
        let node = SourceText(source).read(reporting: findings)
        let members = node.flatMap { ObjectReader($0, of: RootMember.self) }
        let elements = members?.required(.listeners)?.nonEmptyElements(
            "a list of listeners",
            because: "Add a listener."
        )
        let listeners = (elements ?? []).compactMap { HealthListener($0) }
        guard !listeners.isEmpty else {
            throw ConfigurationError(diagnostics: findings.sorted(first: source.name))
        }
        return listeners
    }
}

extension HealthListener {
    /// Reads a listener; nil if its address or path was reported.
    fileprivate init?(_ node: Node) {
        guard let members = ObjectReader(node, of: ListenerMember.self),
            let address = members.required(.address)?.socketAddress()
        else { return nil }
        if let member = members[.healthPath] {
            guard let path = member.path() else { return nil }
            self.path = path
        } else {
            path = ListenerObject.defaultHealthPath
        }
        self.address = address
        isSecure = members[.tls] != nil
        demandsCertificate = members[.tls].map(Self.demandsCertificate) ?? false
        proxyNetworks = (members[.proxyProtocol]?.networks() ?? []).compactMap { Network($0) }
    }

    private static func demandsCertificate(_ tls: Node) -> Bool {
        guard let clients = tls.value.object?[ListenerTLSMember.clientCertificates.rawValue]?.object else {
            return false
        }
        let mode = clients[ClientCertificatesMember.mode.rawValue]?.string.flatMap(ClientCertificateMode.init)
        return (mode ?? ListenerTLSObject.defaultClientMode) == .require
    }
}
