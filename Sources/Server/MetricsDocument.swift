// All metrics: each family once, what it counts and under which labels. docs/metrics.md describes them.

internal import Policy
internal import Proxy

/// Writes what was observed as metrics.
enum MetricsDocument {
    /// The whole text.
    ///
    /// - Parameters:
    ///   - observation: The process at this moment.
    ///   - ledger: What was booked of it and of those before.
    ///   - format: The format.
    static func text(of observation: Observation, _ ledger: MetricsLedger, _ format: MetricsFormat) -> [UInt8]
    {
        var text = MetricsText(format)
        writeRequests(observation, ledger.routes, to: &text)
        writeReplays(ledger.replays, to: &text)
        writeTokens(observation, to: &text)
        writeIssuers(observation, to: &text)
        writeEndpoints(observation, ledger.endpoints, to: &text)
        writeConnections(observation, to: &text)
        writeHandshakes(observation, to: &text)
        writeConfiguration(observation, to: &text)
        writeProcess(observation, to: &text)
        return text.finish()
    }

    // MARK: - Requests

    private static func writeRequests(
        _ observation: Observation,
        _ ledger: LabelLedger,
        to text: inout MetricsText
    ) {
        let accounts = ledger.all
        text.family("audgate_requests", .counter, "Requests that have ended, by who ended them and why.")
        let allowed = Reason.access(.allowed)
        for (label, account) in accounts {
            if label != LabelLedger.none {
                write(account.row[RouteColumn.allowed], allowed, label, to: &text)
            }
            for (code, count) in account.codes.sorted(by: { $0.key < $1.key }) {
                write(count, Reason.all[code], label, to: &text)
            }
        }
        text.family(
            "audgate_request_duration_seconds",
            .histogram,
            "Time of requests that went on, from the end of their head to the end of their response, or to its head if it is a stream of events.",
            unit: "seconds"
        )
        for (label, account) in accounts where label != LabelLedger.none {
            write(account.row[RouteColumn.latency...].prefix(LatencyHistogram.width), label, to: &text)
        }
        text.family(
            "audgate_upstream_duration_seconds",
            .histogram,
            "Time from sending a request to its server to the head of the response.",
            unit: "seconds"
        )
        for (label, account) in accounts where label != LabelLedger.none {
            write(account.row[RouteColumn.upstreamLatency...], label, to: &text)
        }
        text.family("audgate_event_streams", .gauge, "Streams of events that are open.")
        var streams: [String: Int] = [:]
        for owner in observation.routes {
            let count = observation.total(owner, RouteColumn.streams) { $0.routes }
            streams[ledger.label(of: owner.name), default: 0] += count
        }
        for (label, count) in streams.sorted(by: { $0.key < $1.key }) { text.sample(count, ["route": label]) }
        text.family("audgate_requests_in_flight", .gauge, "Requests that have begun and not ended.")
        text.sample(observation.total(\.inFlight))
        text.family("audgate_routes", .gauge, "Routes of the configuration.")
        text.sample(observation.routes.count)
    }

    private static func write(_ count: Int, _ reason: Reason, _ label: String, to text: inout MetricsText) {
        let outcome = reason.outcome.rawValue
        text.sample(count, ["route": label, "decision": outcome, "reason": reason.code])
    }

    /// Writes the counters of a histogram: those of its classes, and the sum.
    private static func write(_ counters: ArraySlice<Int>, _ label: String, to text: inout MetricsText) {
        text.histogram(
            bounds: LatencyHistogram.bounds,
            counts: counters.prefix(LatencyHistogram.classes),
            sum: counters.last ?? 0,
            ["route": label]
        )
    }

    private static func writeReplays(_ ledger: ReplayLedger, to text: inout MetricsText) {
        text.family(
            "audgate_replays",
            .counter,
            "Tokens that are good in every way, but for another route of this gateway than the one they were presented at."
        )
        let order = ledger.counts.sorted { left, right in
            (left.key.issuedFor, left.key.presentedAt) < (right.key.issuedFor, right.key.presentedAt)
        }
        for (pair, count) in order {
            text.sample(count, ["issued_for": pair.issuedFor, "presented_at": pair.presentedAt])
        }
        guard ledger.other > 0 else { return }
        text.sample(
            ledger.other,
            ["issued_for": LabelLedger.other, "presented_at": LabelLedger.other]
        )
    }

    private static func writeTokens(_ observation: Observation, to text: inout MetricsText) {
        let reports = observation.reports
        text.family("audgate_token_cache_entries", .gauge, "Verified tokens that are remembered.")
        text.sample(reports.reduce(0) { $0 + $1.tokens })
        text.family("audgate_token_cache_hits", .counter, "Tokens that were remembered when they came.")
        text.sample(reports.reduce(0) { $0 + $1.tokenCounts.hits })
        text.family("audgate_token_cache_misses", .counter, "Tokens that had to be verified.")
        text.sample(reports.reduce(0) { $0 + $1.tokenCounts.misses })
    }

    // MARK: - Issuers

    /// Most issuers with labels of their own, in the order of the configuration.
    static let maximumIssuers = 1000

    private static func writeIssuers(_ observation: Observation, to text: inout MetricsText) {
        text.family("audgate_issuers", .gauge, "Issuers of the configuration, by the state of their keys.")
        for condition in IssuerState.Condition.allCases {
            let count = observation.issuers.count { $0.condition == condition }
            text.sample(count, ["state": condition.rawValue])
        }
        let shown = observation.issuers.prefix(maximumIssuers)
        text.family("audgate_key_set_keys", .gauge, "Keys of an issuer that can be used.")
        for issuer in shown { text.sample(issuer.keys, ["issuer": issuer.name]) }
        text.family(
            "audgate_key_set_age_seconds",
            .gauge,
            "Time since the source of an issuer's keys last gave them.",
            unit: "seconds"
        )
        for issuer in shown {
            guard let fetchedAt = issuer.fetchedAt else { continue }
            text.sample(max(observation.now - fetchedAt, 0), ["issuer": issuer.name])
        }
        text.family(
            "audgate_key_set_up",
            .gauge,
            "Whether the last fetch of an issuer's keys has brought them."
        )
        for issuer in shown { text.sample(issuer.condition == .ok ? 1 : 0, ["issuer": issuer.name]) }
    }

    // MARK: - Endpoints

    private static func writeEndpoints(
        _ observation: Observation,
        _ ledger: LabelLedger,
        to text: inout MetricsText
    ) {
        text.family("audgate_upstream_requests", .counter, "Requests that were sent to an endpoint.")
        for (label, account) in ledger.all {
            text.sample(account.row[EndpointColumn.requests.rawValue], ["endpoint": label])
        }
        text.family(
            "audgate_upstream_connect_failures",
            .counter,
            "Attempts to connect to an endpoint that failed."
        )
        for (label, account) in ledger.all {
            text.sample(account.row[EndpointColumn.failures.rawValue], ["endpoint": label])
        }
        text.family("audgate_upstream_connections", .gauge, "Connections to an endpoint that are open.")
        writeEndpoints(observation, ledger, .connections, to: &text)
        text.family(
            "audgate_upstream_idle_connections",
            .gauge,
            "Connections to an endpoint that wait for a request."
        )
        writeEndpoints(observation, ledger, .idle, to: &text)
        text.family("audgate_upstream_active_requests", .gauge, "Requests that are at an endpoint.")
        writeEndpoints(observation, ledger, .active, to: &text)
        text.family("audgate_upstream_endpoints", .gauge, "Endpoints of the configuration, by state.")
        let states = EndpointSummary.all(of: observation).map(\.state)
        for state in EndpointSummary.State.allCases {
            text.sample(states.count { $0 == state }, ["state": state.rawValue])
        }
    }

    private static func writeEndpoints(
        _ observation: Observation,
        _ ledger: LabelLedger,
        _ column: EndpointColumn,
        to text: inout MetricsText
    ) {
        var counts: [String: Int] = [:]
        for owner in observation.endpoints {
            let count = observation.total(owner, column.rawValue) { $0.endpoints }
            counts[ledger.label(of: owner.name), default: 0] += count
        }
        for (label, count) in counts.sorted(by: { $0.key < $1.key }) {
            text.sample(count, ["endpoint": label])
        }
    }
}
