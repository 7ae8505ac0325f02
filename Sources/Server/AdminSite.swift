// What the admin listener answers: health, metrics, the status and its page.

internal import Configuration
internal import Glibc
internal import HTTP
internal import Policy
internal import Proxy
internal import Synchronization
internal import Transport

/// Where the site learns how the process is.
struct AdminSources: Sendable {
    /// Configuration, reloads, drain.
    let state: OperationalState
    /// The counters of the workers.
    let desk: ReportDesk
    /// How the workers are.
    let statuses: [WorkerStatus]
    /// The keys of the issuers.
    let issuers: IssuerStates
    /// How the endpoints are.
    let health: EndpointHealth
    /// Where lines of the access log are left.
    let accessLog: LogSink
    /// Where lines of the audit log are left.
    let auditLog: LogSink
    /// Where spans go.
    let traces: TraceExporter
    /// Most client connections of one worker for which there are descriptors.
    let descriptors: DescriptorShare
}

/// The site of the admin listener.
final class AdminSite: Site {
    private let sources: AdminSources
    private let settings = Mutex<AdminSettings?>(nil)
    private let ledger = Mutex(MetricsLedger())
    private let startedAt = Clock.unixMicroseconds / 1_000_000
    private let startedAtMonotonic = Clock.monotonicMilliseconds

    /// Makes a site that nobody may ask yet.
    init(_ sources: AdminSources) {
        self.sources = sources
    }

    /// Takes over who may ask; nobody for nil.
    func adopt(_ new: AdminSettings?) {
        settings.withLock { $0 = new }
    }

    /// The answer to a request.
    func answer(_ request: borrowing RequestHead) -> LocalResponse {
        var response = content(request)
        for field in Self.security where !response.fields.contains(where: { "\($0.name)" == "\(field.name)" })
        {
            response.fields.append(field)
        }
        return response
    }

    /// Pages have no script, style or picture but those of this site, talk to nobody else, and are shown in no other page.
    private static let security: [LocalResponse.Field] = [
        .init(
            "Content-Security-Policy",
            "default-src 'none'; style-src 'self'; script-src 'self'; connect-src 'self'; img-src 'self' data:; "
                + "base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
        ),
        .init("X-Content-Type-Options", "nosniff"),
        .init("Referrer-Policy", "no-referrer"),
        .init("Cross-Origin-Opener-Policy", "same-origin"),
        .init("Cross-Origin-Resource-Policy", "same-origin"),
        .init("Cache-Control", "no-store"),
    ]

    private func content(_ request: borrowing RequestHead) -> LocalResponse {
        let path = request.text(request.target.path)
        switch path {
        case "/livez": return Self.health(request, isGood: isAlive)
        case "/readyz": return Self.health(request, isGood: isReady)
        default: break
        }
        guard let settings = settings.withLock({ $0 }) else {
            return LocalResponse(refusing: .access(.routeUnknown))
        }
        if let refusal = AdminGate(settings).refusal(of: request, mayBeLinked: path == "/") { return refusal }
        switch path {
        case "/metrics": return metrics(request, settings)
        case "/status.json":
            let query = StatusQuery(request.text(request.target.query))
            return Self.document("application/json", StatusDocument(of: observe(), query).text)
        case "/": return Self.document("text/html; charset=utf-8", PackageResources.status_html)
        case "/status.css": return Self.document("text/css; charset=utf-8", PackageResources.status_css)
        case "/status.js": return Self.document("text/javascript; charset=utf-8", PackageResources.status_js)
        default: return LocalResponse(refusing: .access(.routeUnknown))
        }
    }

    private static func document(_ type: String, _ body: [UInt8]) -> LocalResponse {
        var response = LocalResponse(
            status: 200,
            reason: .access(.admin),
            fields: [.init("Content-Type", type)]
        )
        response.body = body
        return response
    }

    private func metrics(_ request: borrowing RequestHead, _ settings: AdminSettings) -> LocalResponse {
        let accept = request.fields.lines.filter { $0.name == .accept }.map { request.text($0.valueRange) }
        let format = MetricsFormat(accepting: accept.joined(separator: ","))
        let observation = observe()
        let text = ledger.withLock { ledger in
            ledger.book(observation, limit: settings.metricsRoutes)
            return MetricsDocument.text(of: observation, ledger, format)
        }
        return Self.document(format.contentType, text)
    }

    // MARK: - Health, for anybody

    private static func health(_ request: borrowing RequestHead, isGood: Bool) -> LocalResponse {
        if let refusal = AdminGate.refusalOfMethod(request) { return refusal }
        var response = LocalResponse(status: isGood ? 200 : 503, reason: .access(.health))
        response.add("Content-Type", "text/plain; charset=utf-8")
        response.body = Array((isGood ? "ok\n" : "unavailable\n").utf8)
        return response
    }

    /// Whether every worker's loop turns. A worker that has not begun has as much time as one that stands still.
    private var isAlive: Bool {
        let now = Clock.monotonicMilliseconds
        return sources.statuses.allSatisfy { status in
            status.isTurning(now: status.round == 0 ? now - startedAtMonotonic : now)
        }
    }

    private var isReady: Bool { sources.statuses.allSatisfy(\.isReady) }

    // MARK: - Everything else

    private func observe() -> Observation {
        let facts = sources.state.now
        let reports = sources.desk.collect()
        let now = Clock.monotonicMilliseconds
        let workers = zip(reports, sources.statuses).map { collected, status in
            ObservedWorker(
                isAlive: status.isTurning(now: now),
                isFresh: collected.isFresh,
                connections: status.clients,
                report: collected.report
            )
        }
        let limit = facts.publication?.snapshot.limits.connections ?? 0
        return Observation(
            now: Clock.unixMicroseconds / 1_000_000,
            startedAt: startedAt,
            processID: Int(getpid()),
            isReady: isReady,
            facts: facts,
            workers: workers,
            issuers: sources.issuers.all,
            health: sources.health.snapshotOfStates(),
            lost: ObservedLosses(
                accessLines: sources.accessLog.dropped,
                auditLines: sources.auditLog.dropped,
                traces: sources.traces.counts
            ),
            maximumConnections: min(limit, sources.descriptors.clients) * sources.statuses.count,
            usage: .now()
        )
    }
}
