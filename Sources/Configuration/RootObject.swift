// A whole configuration: the root file and what it includes, read, checked together and compiled.

internal import Bytes
internal import JOSE
internal import JSON
internal import MCP
internal import OpenSSL
internal import Policy
internal import Transport

/// Members of the configuration.
enum RootMember: String, MemberName {
    case listeners, admin, workers, issuers, routes
    case scopeImplications = "scope_implications"
    case sessionKeys = "session_keys"
    case limits, log, traces, include, watch, development

    static let object = "the configuration"
}

/// Members of an included file.
enum IncludedMember: String, MemberName {
    case issuers, routes

    static let object = "an included file"
}

/// A configuration as it is written, all files together.
struct RootObject {
    private var listeners: [ListenerObject] = []
    private var issuers: [IssuerObject] = []
    private var routes: [RouteObject] = []
    private var issuerNames: Set<String> = []
    private var scopeImplications: [String: Set<String>] = [:]
    private var sessionKeys = SessionKeys.random()
    private var limits = Limits()
    private var workers = 0
    private var watches = false
    private var log = LogSettings()
    private var traces: TraceSettings?
    private var admin: AdminObject?
    private var development: DevelopmentSettings?
    private let material: TLSMaterial

    /// Most worker threads.
    static let maximumWorkers = 1024

    /// Reads the root file and everything that it includes, and checks the whole; nil if the root is no object.
    init?(_ node: Node, including included: [Node], beside surroundings: ConfigurationSurroundings) {
        material = TLSMaterial(surroundings)
        guard let members = ObjectReader(node, of: RootMember.self) else { return nil }
        let what = "a list of listeners"
        let elements = members.required(.listeners)?.nonEmptyElements(what, because: "Add a listener.")
        listeners = (elements ?? []).compactMap { ListenerObject($0, material) }
        workers = members[.workers]?.count(in: 0...Self.maximumWorkers) ?? 0
        watches = members[.watch]?.bool() ?? false
        limits = members[.limits].map { Limits($0) } ?? Limits()
        log = members[.log].map { LogSettings($0) } ?? LogSettings()
        traces = members[.traces].flatMap { TracesObject($0, material, surroundings).settings }
        admin = members[.admin].flatMap { AdminObject($0, material, surroundings) }
        scopeImplications = members[.scopeImplications].map(Self.scopeImplications) ?? [:]
        add(issuers: members[.issuers], routes: members[.routes])
        for node in included {
            guard let members = ObjectReader(node, of: IncludedMember.self) else { continue }
            add(issuers: members[.issuers], routes: members[.routes])
        }
        development = members[.development].flatMap { DevelopmentSettings($0, beside: listeners) }
        admin?.check(beside: listeners, development)
        if routes.isEmpty, members[.routes].map({ $0.value.array?.isEmpty == true }) ?? true {
            let remedy = "Add one to \"routes\", or include a file with routes."
            (members[.routes] ?? node).error("There is no route.", remedy)
        }
        checkSet()
        if let member = members[.sessionKeys] {
            sessionKeys = SessionKeys(member, surroundings) ?? sessionKeys
        } else {
            sessionKeys = surroundings.sessionKey.flatMap { try? SessionKeys(secrets: [$0]) } ?? sessionKeys
            checkSessions(node)
        }
    }

    private mutating func add(issuers: Node?, routes: Node?) {
        for child in issuers?.namedChildren("an object with a member for each issuer") ?? [] {
            issuerNames.insert(child.value)
            if let issuer = IssuerObject(child.node, name: child.value, material) {
                self.issuers.append(issuer)
            }
        }
        for element in routes?.elements("a list of routes") ?? [] {
            if let route = RouteObject(element, material) { self.routes.append(route) }
        }
    }

    /// The rules that need the whole set.
    private func checkSet() {
        ListenerObject.check(listeners)
        IssuerObject.check(issuers)
        for issuer in routes.flatMap(\.issuers) where !issuerNames.contains(issuer.value) {
            issuer.node.error(
                "There is no issuer \"\(issuer.value)\".",
                Suggestion.sentence(for: issuer.value, among: issuerNames.sorted())
                    ?? "Add it to \"issuers\"."
            )
        }
        RouteSetRules.check(routes, listeners: listeners)
        for route in routes {
            route.upstream?.checkResponseTimeout(requestTimeout: limits.requestTimeout)
        }
        AudienceRules.check(routes, issuers)
        CertificateCoverage.check(routes, listeners)
    }

    /// Warns of a key that ends with the process, where the gateway is for others than this machine.
    private func checkSessions(_ node: Node) {
        guard routes.contains(where: { $0.sessions == .sealed }),
            listeners.contains(where: { $0.address?.value.isLoopback == false })
        else { return }
        node.warning(
            "There are no \"session_keys\": session ids do not outlive a restart, and replicas cannot open them.",
            "\(SessionKeys.advice), and name its file in \"session_keys\"."
        )
    }

    private static func scopeImplications(_ node: Node) -> [String: Set<String>] {
        var implications: [String: Set<String>] = [:]
        for child in node.namedChildren("an object with a list of scopes for each scope") ?? [] {
            guard child.node.isResourceScope(child.value) else { continue }
            implications[child.value] = Set(child.node.scopes().map(\.value))
        }
        return implications
    }

    /// The configuration, nil if something of it was reported as an error.
    func result(hash: String, warnings: [Diagnostic]) -> GatewayConfiguration? {
        let listeners = listeners.compactMap(\.listener)
        let issuers = issuers.compactMap(\.result)
        var ids: [String: IssuerID] = [:]
        var uris: [String: String] = [:]
        for (index, issuer) in issuers.enumerated() {
            ids[issuer.name] = IssuerID(index)
            uris[issuer.name] = issuer.rules.issuer
        }
        let routes = routes.compactMap { $0.route(issuers: ids, uris: uris) }
        guard listeners.count == self.listeners.count, issuers.count == self.issuers.count,
            routes.count == self.routes.count
        else { return nil }
        let snapshot = Snapshot(
            hash: hash,
            listeners: listeners,
            issuers: issuers,
            routes: routes,
            scopeImplications: scopeImplications,
            sessionKeys: sessionKeys,
            limits: limits,
            traces: traces
        )
        return GatewayConfiguration(
            snapshot: snapshot,
            legacy: material.legacy,
            workers: workers,
            watches: watches,
            log: log,
            admin: admin?.settings,
            development: development,
            warnings: warnings
        )
    }
}
