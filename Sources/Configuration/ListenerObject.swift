// A listener as it is written.

internal import Bytes
internal import Policy
internal import Transport

/// Members of a listener.
enum ListenerMember: String, MemberName {
    case address
    case healthPath = "health_path"

    static let object = "a listener"
}

/// A listener as it is written, before the whole set is known.
struct ListenerObject {
    let node: Node
    let address: Located<SocketAddress>?
    let healthPath: Located<String>?

    /// What answers load balancers where nothing else is said.
    static let defaultHealthPath = "/healthz"

    /// Reads a listener; nil if it is no object.
    init?(_ node: Node) {
        guard let members = ObjectReader(node, of: ListenerMember.self) else { return nil }
        self.node = node
        address = members.required(.address).flatMap { node in
            node.socketAddress().map { Located(value: $0, node: node) }
        }
        guard let path = members[.healthPath] else {
            healthPath = Located(value: Self.defaultHealthPath, node: node)
            return
        }
        healthPath = path.path().map { Located(value: $0, node: path) }
        checkHealthPath()
    }

    /// The listener, nil if something of it was reported.
    var listener: Listener? {
        guard let address, let healthPath else { return nil }
        return Listener(address: "\(address.value)", healthPath: healthPath.value)
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
        var first: [String: Node] = [:]
        for address in listeners.compactMap(\.address) {
            if let other = first.updateValue(address.node, forKey: "\(address.value)") {
                address.node.error(
                    "The listener at \(other.line) has this address already.",
                    "Give each listener its own address."
                )
            }
            guard !address.value.isLoopback else { continue }
            address.node.warning(
                "Others can reach this listener, and it does not speak TLS: tokens can be read on the way.",
                "Let it listen on loopback, behind a proxy that terminates TLS."
            )
        }
    }
}
