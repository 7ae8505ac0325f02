// The admin listener as it is written.

internal import Bytes
internal import JSON
internal import OpenSSL
internal import Policy
internal import Transport

/// Members of the admin listener.
enum AdminMember: String, MemberName {
    case address, hosts, tls, token
    case metricsRoutes = "metrics_routes"

    static let object = "the admin listener"
}

/// The admin listener as it is written, before the whole set is known.
struct AdminObject {
    private let address: Located<SocketAddress>?
    /// What was read, nil if something of it was reported.
    let settings: AdminSettings?

    /// Fewest bytes of the token.
    static let minimumTokenLength = 32
    /// Most routes with labels of their own unless something else is said.
    static let defaultMetricsRoutes = 100
    /// How many routes may have labels of their own.
    static let metricsRoutesBounds = 1...10_000

    /// Reads the admin listener; nil if it is no object.
    init?(_ node: Node, _ material: TLSMaterial, _ surroundings: ConfigurationSurroundings) {
        guard let members = ObjectReader(node, of: AdminMember.self) else { return nil }
        var isWhole = true
        address = members.required(.address).flatMap { node in
            node.socketAddress().map { Located(value: $0, node: node) }
        }
        let tls = members.optional(.tls, &isWhole) { ListenerTLSObject($0, material) }
        if let tls, tls.context == nil { isWhole = false }
        let hosts = members.optional(.hosts, &isWhole, Self.hosts)
        let digest = members.optional(.token, &isWhole) { Self.tokenDigest($0, surroundings) }
        let routes = members.optional(.metricsRoutes, &isWhole) { $0.count(in: Self.metricsRoutesBounds) }
        guard let address else {
            settings = nil
            return
        }
        Self.checkAccess(address, tls, hasTLS: members[.tls] != nil, hasToken: members[.token] != nil)
        guard isWhole else {
            settings = nil
            return
        }
        settings = AdminSettings(
            listener: Listener(
                address: "\(address.value)",
                healthPath: "",
                tls: tls?.context,
                purpose: .admin
            ),
            hosts: hosts ?? Self.defaultHosts(of: address.value),
            answersForAnyAddress: hosts == nil && address.value.isUnspecified,
            tokenDigest: digest,
            metricsRoutes: routes ?? Self.defaultMetricsRoutes
        )
    }

    /// Reports an address that others of the same process have.
    func check(beside listeners: [ListenerObject], _ development: DevelopmentSettings?) {
        guard let address else { return }
        let own = development.map { [$0.authorizationServer] + $0.servers.values } ?? []
        guard
            listeners.contains(where: { $0.address?.value.overlaps(address.value) == true })
                || own.contains("\(address.value)")
        else { return }
        address.node.error(
            "Another listener of this configuration has this address.",
            "Choose another port: what is asked here is not for clients."
        )
    }

    /// Reports a listener that tells strangers how the process is.
    private static func checkAccess(
        _ address: Located<SocketAddress>,
        _ tls: ListenerTLSObject?,
        hasTLS: Bool,
        hasToken: Bool
    ) {
        guard !address.value.isLoopback else { return }
        // TLS settings with a problem may be the ones that demand a certificate: one cause, one diagnostic.
        if hasTLS, tls?.context == nil { return }
        guard hasToken || tls?.requiresClientCertificate == true else {
            address.node.error(
                "Others can reach this listener, and it would tell everybody how the gateway is.",
                "Set \"token\", or demand client certificates in \"tls\" (mode \"require\"), or let it listen on 127.0.0.1."
            )
            return
        }
        guard !hasTLS else { return }
        address.node.warning(
            "Others can reach this listener, and it does not speak TLS: its token can be read on the way.",
            "Set \"tls\", or make sure that the network between is private."
        )
    }

    private static func tokenDigest(_ node: Node, _ surroundings: ConfigurationSurroundings) -> Digest256? {
        guard let source = node.secret() else { return nil }
        do throws(SecretProblem) {
            let token = try surroundings.line(of: source)
            if token.count < minimumTokenLength {
                node.error(
                    "The token has \(token.count) bytes, and needs at least \(minimumTokenLength).",
                    "\(advice)."
                )
            } else if !TextRules.isVisible(String(lossy: token.span)) {
                node.error("The token has characters that cannot stand in a header.", "\(advice).")
            } else {
                return SHA256.digest(of: token.span)
            }
        } catch {
            node.error(error.problem, error.remedy)
        }
        return nil
    }

    private static let advice = "Make one with \"openssl rand -base64 48\""

    private static func hosts(_ node: Node) -> Set<String>? {
        let what = "a list of hosts such as [\"gateway-1.internal\", \"10.0.0.5\"]"
        guard let elements = node.nonEmptyElements(what, because: "Name a host, or remove the list.") else {
            return nil
        }
        let hosts = Node.distinct(elements).compactMap { host($0) }
        return hosts.count == elements.count ? Set(hosts) : nil
    }

    private static func host(_ text: Located<String>) -> String? {
        if TextRules.isHostName(text.value) { return text.value.lowercased() }
        if let host = SocketAddress(host: text.value, port: 0)?.uriHost { return host }
        text.node.error(
            "\"\(text.value)\" is not a host.",
            "Write a name or an address, without scheme, port and wildcard."
        )
        return nil
    }

    private static func defaultHosts(of address: SocketAddress) -> Set<String> {
        let own: Set<String> = if case .unix = address.kind { [] } else { [address.uriHost] }
        guard address.isLoopback || address.isUnspecified else { return own }
        return own.union(["localhost", "127.0.0.1", "[::1]"])
    }
}
