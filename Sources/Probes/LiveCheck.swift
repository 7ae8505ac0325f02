// Asks the outside world whether it is as the configuration says.

internal import JOSE
internal import OpenSSL
public import Policy
internal import Proxy
internal import Synchronization
public import Transport

/// A check of a configuration against issuers, public names and servers. Blocks; each question for at most ten seconds.
public final class LiveCheck: Sendable {
    /// What to ask, and where.
    public struct Options: Sendable {
        /// The only route to check, nil for all of them.
        public var route: RouteID?
        /// Where all public names are asked for, nil for where the resolver says.
        public var publicAddress: SocketAddress?
        /// Authorities that certificates of public names may come from besides the system's, as PEM; nil for none.
        public var authorities: [UInt8]?
        /// A token for one route, without anything around it.
        public var token: [UInt8]?

        /// All routes, by their names, without a token.
        public init() {}
    }

    private let snapshot: Snapshot
    private let token: [UInt8]?
    private let routes: [RouteID]
    private let issuers: [IssuerID]
    private let outside: Outside
    private let done = Atomic(0)

    /// Makes a check that has not begun.
    ///
    /// - Throws: When there are no authorities to trust in what should have them.
    public init(_ snapshot: Snapshot, _ options: Options = Options()) throws(LiveCheckError) {
        self.snapshot = snapshot
        token = options.token
        routes = options.route.map { [$0] } ?? snapshot.routes.indices.map { RouteID($0) }
        let trusted = Set(routes.flatMap { snapshot.route($0).issuers })
        issuers =
            options.route == nil
            ? snapshot.issuers.indices.map { IssuerID($0) } : trusted.sorted { $0.index < $1.index }
        let tls = UpstreamTLS(context: try Self.context(trusting: options.authorities))
        outside = Outside(publicTLS: tls, publicAddress: options.publicAddress)
    }

    private static func context(trusting pem: [UInt8]?) throws(LiveCheckError) -> ClientTLSContext {
        do {
            let anchors = try pem.map { try TrustAnchors.systemWith(authorities: $0.span) }
            return try ClientTLSContext(anchors: anchors, identity: nil, offersHTTP2: false)
        } catch {
            throw pem == nil ? .noAuthorities : .malformedAuthorities
        }
    }

    /// How far the check is, for who waits: any thread may ask.
    public var progress: String {
        "\(done.load(ordering: .relaxed)) of \(issuers.count + routes.count)"
    }

    /// Asks everything.
    ///
    /// - Throws: When the system has no thread or descriptor to give.
    public func run() throws(SystemError) -> LiveReport {
        let probes = Dictionary(uniqueKeysWithValues: zip(issuers, try Crew.map(issuers) { self.probe($0) }))
        let (operatorToken, tokenFinding) = judgeToken(probes)
        let findings = try Crew.map(routes) { self.findings(at: $0, probes, operatorToken) }
        let issuerSubjects = issuers.map { id in
            LiveReport.Subject(
                kind: .issuer,
                name: snapshot.issuer(id).rules.issuer,
                findings: probes[id]?.findings ?? []
            )
        }
        let routeSubjects = zip(routes, findings).map { id, findings in
            LiveReport.Subject(kind: .route, name: snapshot.route(id).resource.text, findings: findings)
        }
        let tokenSubject = LiveReport.Subject(kind: .token, name: "", findings: [tokenFinding])
        return LiveReport(subjects: issuerSubjects + [tokenSubject] + routeSubjects)
    }

    private func probe(_ id: IssuerID) -> IssuerProbe {
        defer { done.add(1, ordering: .relaxed) }
        let issuer = snapshot.issuer(id)
        let resources = snapshot.routes.filter { $0.issuers.contains(id) }.map(\.resource.text)
        return IssuerProbe(issuer, resources: resources)
    }

    private func findings(
        at id: RouteID,
        _ issuers: [IssuerID: IssuerProbe],
        _ token: OperatorToken?
    ) -> [Finding] {
        defer { done.add(1, ordering: .relaxed) }
        let trusted = snapshot.route(id).issuers
        let known = trusted.lazy.compactMap { issuers[$0] }.first { $0.keySet != nil }
        return RouteProbe(
            id: id,
            snapshot: snapshot,
            outside: outside,
            forged: known?.forged ?? ForgedTokens(of: snapshot.issuer(trusted[0]), keySet: nil),
            token: token
        ).findings()
    }

    private func judgeToken(_ probes: [IssuerID: IssuerProbe]) -> (OperatorToken?, Finding) {
        guard let token else {
            let sentence = "Whether a token of one route is refused at the others was not tried."
            return (nil, Finding(.note, .token, sentence, "Give a token for one route by --token FILE."))
        }
        return OperatorToken.judge(
            token,
            in: snapshot,
            now: Int64(Clock.unixMicroseconds / 1_000_000)
        ) { id in
            if let keys = probes[id]?.keySet { return .success(keys) }
            do throws(FetchError) {
                return .success(try KeyFetch.fetch(snapshot.issuer(id)).keySet)
            } catch {
                return .failure(KeysUnavailable(problem: error.problem))
            }
        }
    }
}

/// Why a check cannot begin.
public enum LiveCheckError: Error, Sendable {
    /// The system trusts nobody.
    case noAuthorities
    /// What should have authorities has no certificates.
    case malformedAuthorities

    /// What is wrong, and what to do.
    public var sentence: String {
        switch self {
        case .noAuthorities:
            "This machine has no certificate authorities. Install them (ca-certificates), or name a file by --ca."
        case .malformedAuthorities: "The file of --ca has no certificates. Name a PEM file with certificates."
        }
    }
}
