// A listener as it is written.

internal import Bytes
internal import Policy
internal import Transport

/// Members of a listener.
enum ListenerMember: String, MemberName {
    case address
    case healthPath = "health_path"
    case tls
    case proxyProtocol = "proxy_protocol"

    static let object = "a listener"
}

/// A listener as it is written, before the whole set is known.
struct ListenerObject {
    let node: Node
    let address: Located<SocketAddress>?
    let healthPath: Located<String>?
    /// The TLS settings, nil for cleartext or if they are no object.
    let tls: ListenerTLSObject?
    private let isCleartext: Bool
    private let proxyNetworks: [String]?

    /// What answers load balancers where nothing else is said.
    static let defaultHealthPath = "/healthz"

    /// Reads a listener; nil if it is no object.
    init?(_ node: Node, _ material: TLSMaterial) {
        guard let members = ObjectReader(node, of: ListenerMember.self) else { return nil }
        self.node = node
        address = members.required(.address).flatMap { node in
            node.socketAddress().map { Located(value: $0, node: node) }
        }
        tls = members[.tls].flatMap { ListenerTLSObject($0, material) }
        isCleartext = members[.tls] == nil
        proxyNetworks = members[.proxyProtocol].map { $0.networks() } ?? []
        Self.check(members[.proxyProtocol], of: address)
        guard let path = members[.healthPath] else {
            healthPath = Located(value: Self.defaultHealthPath, node: node)
            return
        }
        healthPath = path.path().map { Located(value: $0, node: path) }
        checkHealthPath()
    }

    /// The listener, nil if something of it was reported.
    var listener: Listener? {
        guard let address, let healthPath, let proxyNetworks, isCleartext || tls?.context != nil else {
            return nil
        }
        return Listener(
            address: "\(address.value)",
            healthPath: healthPath.value,
            tls: tls?.context,
            proxyNetworks: proxyNetworks
        )
    }

    private static func check(_ proxyProtocol: Node?, of address: Located<SocketAddress>?) {
        guard let proxyProtocol, let address, case .unix = address.value.kind else { return }
        proxyProtocol.errorAtName(
            "Who connects to a Unix socket has no address, and is in no network.",
            "Remove it, or listen on 127.0.0.1."
        )
    }

    private func checkHealthPath() {
        guard let healthPath else { return }
        if healthPath.value == "/" {
            healthPath.node.error(
                "The health path would hide every route.",
                "Choose a path such as \"/healthz\"."
            )
        }
        if let reserved = ReservedPath.reserved(in: healthPath.value.octets.span) {
            healthPath.node.error(
                "The health path lies in the reserved space \"\(reserved)\".",
                "Choose another."
            )
        }
    }

    /// Reports what is wrong with the whole list: repeated addresses, and cleartext that others can read.
    static func check(_ listeners: [ListenerObject]) {
        var taken: [Located<SocketAddress>] = []
        for listener in listeners {
            guard let address = listener.address else { continue }
            if let other = taken.first(where: { $0.value.overlaps(address.value) }) {
                address.node.error(
                    "The listener at \(other.node.line) has this address already.",
                    "Give each listener its own address."
                )
            }
            taken.append(address)
            guard listener.isCleartext, !address.value.isLoopback else { continue }
            address.node.warning(
                "Others can reach this listener, and it does not speak TLS: tokens can be read on the way.",
                "Set \"tls\", or let it listen on loopback, behind a proxy that terminates TLS."
            )
        }
    }
}
