// The settings of tracing as they are written.

internal import Bytes
internal import HTTP
internal import JSON
internal import Policy

/// Members of the settings of tracing.
enum TracesMember: String, MemberName {
    case endpoint, sample, headers, tls
    case serviceName = "service_name"

    static let object = "the settings of traces"
}

/// The settings of tracing.
struct TracesObject {
    /// The share of traces unless something else is said.
    static let defaultSample = 1.0
    /// Most fields that a collector wants.
    static let maximumFields = 16

    /// What was read, nil if something of it was reported.
    let settings: TraceSettings?

    /// Reads the settings.
    init(_ node: Node, _ material: TLSMaterial, _ surroundings: ConfigurationSurroundings) {
        settings = Self.settings(node, material, surroundings)
    }

    private static func settings(
        _ node: Node,
        _ material: TLSMaterial,
        _ surroundings: ConfigurationSurroundings
    ) -> TraceSettings? {
        guard let members = ObjectReader(node, of: TracesMember.self) else { return nil }
        var isWhole = true
        let endpoint = members.required(.endpoint).flatMap(endpoint)
        let sample = members.optional(.sample, &isWhole) { $0.share() } ?? SampleRate(defaultSample)
        let fields = members.optional(.headers, &isWhole) { Self.fields($0, surroundings) } ?? []
        let name = members.optional(.serviceName, &isWhole) { $0.serviceName() }
        guard let endpoint else { return nil }
        if let headers = members[.headers], !endpoint.isSecure, !endpoint.isLoopback {
            headers.errorAtName(
                "The secrets of \"headers\" would cross the network in clear text.",
                "Use an https endpoint, or one on loopback."
            )
            isWhole = false
        }
        let tls = tls(members, endpoint, &isWhole, material)
        guard isWhole, let sample else { return nil }
        return TraceSettings(
            endpoint: endpoint,
            tls: tls,
            fields: fields,
            serviceName: name ?? TraceSettings.defaultServiceName,
            sample: sample
        )
    }

    private static func endpoint(_ node: Node) -> HTTPURL? {
        let example = "http://127.0.0.1:4318/v1/traces"
        guard let url = node.url("an http or https URL such as \"\(example)\"") else { return nil }
        if url.path == "/" {
            node.warning(
                "Spans are posted to exactly this URL, and collectors take them at \"/v1/traces\".",
                "Write the whole URL, such as \"\(example)\"."
            )
        }
        return url
    }

    private static func tls(
        _ members: ObjectReader<TracesMember>,
        _ endpoint: HTTPURL,
        _ isWhole: inout Bool,
        _ material: TLSMaterial
    ) -> UpstreamTLS? {
        var object: ClientTLSObject?
        if let node = members[.tls] {
            if !endpoint.isSecure {
                node.errorAtName(
                    "There is nothing to secure: the endpoint is not https.",
                    "Write an https URL, or remove \"tls\"."
                )
                isWhole = false
            }
            object = ClientTLSObject(
                node,
                isOnLoopback: endpoint.isLoopback,
                offersHTTP2: false,
                material
            )
        } else if endpoint.isSecure {
            let place = members[.endpoint] ?? members.node
            object = ClientTLSObject(defaultsFor: place, offersHTTP2: false, material)
        } else {
            return nil
        }
        if object == nil { isWhole = false }
        return object.map { UpstreamTLS(context: $0.context, serverName: $0.serverName) }
    }

    // MARK: - Fields

    /// Names of fields that the request has by itself, or that would change what it is.
    private static let reserved: Set<String> = [
        "host", "content-type", "content-length", "content-encoding", "transfer-encoding", "connection",
        "user-agent", "expect", "te", "trailer", "upgrade", "keep-alive", "proxy-connection",
    ]

    private static func fields(
        _ node: Node,
        _ surroundings: ConfigurationSurroundings
    ) -> [TraceSettings.Field]? {
        guard let children = node.namedChildren("an object with a secret for each field") else { return nil }
        guard children.count <= maximumFields else {
            node.error("There are \(children.count) fields.", "Keep at most \(maximumFields).")
            return nil
        }
        var names: Set<String> = []
        let fields = children.compactMap { child -> TraceSettings.Field? in
            guard isFieldName(child, &names), let value = value(child.node, surroundings) else { return nil }
            return TraceSettings.Field(name: child.value, value: value)
        }
        return fields.count == children.count ? fields : nil
    }

    /// Whether a field may have this name, which no other has; reports it otherwise.
    private static func isFieldName(_ name: Located<String>, _ names: inout Set<String>) -> Bool {
        let lower = name.value.lowercased()
        guard !lower.isEmpty, name.value.utf8.allSatisfy({ ASCII.isTokenCharacter($0) }) else {
            name.node.errorAtName(
                "\"\(name.value)\" is not the name of a field.",
                "Write a name such as \"Authorization\"."
            )
            return false
        }
        guard !reserved.contains(lower) else {
            name.node.errorAtName("The gateway sets \"\(name.value)\" by itself.", "Remove it.")
            return false
        }
        guard names.insert(lower).inserted else {
            name.node.errorAtName("\"\(name.value)\" stands here twice.", "Keep one of them.")
            return false
        }
        return true
    }

    /// The value of a field; a secret that is none is reported, and not repeated in the message.
    private static func value(_ node: Node, _ surroundings: ConfigurationSurroundings) -> String? {
        guard let source = node.secret() else { return nil }
        do throws(SecretProblem) {
            let octets = try surroundings.line(of: source)
            if !octets.isEmpty, ASCII.isFieldValue(octets.span), let text = String(validating: octets.span) {
                return text
            }
            node.error(
                "The secret is empty, or holds what the value of a field may not.",
                "Let it be one line of visible characters."
            )
        } catch {
            node.error(error.problem, error.remedy)
        }
        return nil
    }
}

extension Node {
    /// A share of all traces.
    fileprivate func share() -> SampleRate? {
        guard let number = value.number else {
            expected("a number from 0 to 1, such as 0.1")
            return nil
        }
        guard let rate = SampleRate(number.double) else {
            error("The number is out of bounds.", "Write a number from 0, none, to 1, all.")
            return nil
        }
        return rate
    }

    /// The name of a service.
    fileprivate func serviceName() -> String? {
        guard let name = string("the name of a service") else { return nil }
        guard TextRules.isPrintable(name), name.utf8.count <= 128 else {
            error(
                "This is not the name of a service.",
                "Write up to 128 characters that can be seen, such as \"audgate\"."
            )
            return nil
        }
        return name
    }
}
