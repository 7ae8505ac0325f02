// The status of the process as one JSON document: what the page shows.

internal import Bytes
internal import HTTP
internal import JSON
internal import Policy
internal import Proxy

/// Writes what was observed for people and their programs.
struct StatusDocument {
    private let observation: Observation
    private let query: StatusQuery

    /// Writes about `observation` what `query` asks for.
    init(of observation: Observation, _ query: StatusQuery) {
        self.observation = observation
        self.query = query
    }

    /// The document.
    var text: [UInt8] {
        let (routes, total) = RouteSummary.selected(of: observation, by: query)
        var writer = JSONWriter()
        writer.object { writer in
            writeProcess(to: &writer)
            writeConfiguration(to: &writer)
            writeListeners(to: &writer)
            writeWorkers(to: &writer)
            writeTotals(to: &writer)
            writer.member("route_total", total)
            writer.member("route_offset", query.offset)
            writer.name("routes")
            writer.array { writer in for route in routes { write(route, to: &writer) } }
            writeEndpoints(of: routes, to: &writer)
            writeIssuers(to: &writer)
            writeReplays(to: &writer)
            writer.name("limits")
            writer.object { $0.member("connections", observation.maximumConnections) }
            writer.name("logs")
            writer.object { writer in
                writer.member("access_dropped", observation.lost.accessLines)
                writer.member("audit_dropped", observation.lost.auditLines)
            }
        }
        let text = writer.finish()
        return Array(copying: text.span)
    }

    private static func time(_ unixSeconds: Int) -> String {
        CivilTime(unixSeconds: unixSeconds).rfc3339Seconds + "Z"
    }

    private func writeProcess(to writer: inout JSONWriter) {
        writer.member("product", "audgate")
        writer.member("version", Release.version)
        writer.member("time", Self.time(observation.now))
        writer.member("started", Self.time(observation.startedAt))
        writer.member("pid", observation.processID)
        writer.name("ready")
        writer.bool(observation.isReady)
        writer.name("draining")
        writer.bool(observation.facts.isDraining)
    }

    private func writeConfiguration(to writer: inout JSONWriter) {
        let facts = observation.facts
        writer.name("configuration")
        writer.object { writer in
            writer.member("hash", observation.snapshot?.hash ?? "")
            writer.member("loaded", Self.time(facts.loadedAt))
            writer.name("last_reload")
            guard let reload = facts.lastReload else { return writer.null() }
            writer.object { writer in
                writer.member("time", Self.time(reload.time))
                writer.member("outcome", reload.isLoaded ? "loaded" : "refused")
                writer.name("problems")
                writer.array { writer in
                    for problem in reload.problems {
                        writer.object { writer in
                            writer.member("at", problem.place)
                            writer.member("problem", problem.problem)
                            writer.member("remedy", problem.remedy)
                        }
                    }
                }
            }
        }
    }

    private func writeListeners(to writer: inout JSONWriter) {
        writer.name("listeners")
        writer.array { writer in
            for listener in observation.snapshot?.listeners ?? [] {
                writer.object { writer in
                    writer.member("address", listener.address)
                    writer.name("tls")
                    writer.bool(listener.tls != nil)
                }
            }
        }
    }

    private func writeWorkers(to writer: inout JSONWriter) {
        writer.name("workers")
        writer.array { writer in
            for (index, worker) in observation.workers.enumerated() {
                writer.object { writer in
                    writer.member("index", index)
                    writer.name("alive")
                    writer.bool(worker.isAlive)
                    writer.member("connections", worker.connections)
                    writer.member("streams", worker.report?.counts.totals.streams ?? 0)
                    writer.member("requests", worker.report?.counts.totals.requests ?? 0)
                }
            }
        }
    }

    // MARK: - Routes

    /// The counters of all routes together.
    private func writeTotals(to writer: inout JSONWriter) {
        let all = RouteSummary.all(of: observation)
        var latency = [Int](repeating: 0, count: LatencyHistogram.width)
        for route in all {
            for (column, count) in route.histogram(RouteColumn.latency, in: observation).enumerated() {
                latency[column] += count
            }
        }
        writer.name("totals")
        writer.object { writer in
            writer.name("requests")
            writer.object { writer in
                for outcome in RequestOutcome.allCases {
                    writer.member(outcome.name, all.reduce(0) { $0 + $1[outcome] })
                }
            }
            writer.name("latency_us")
            write(latency[...], to: &writer)
        }
    }

    private func write(_ summary: RouteSummary, to writer: inout JSONWriter) {
        guard let snapshot = observation.snapshot else { return }
        let route = snapshot.route(summary.id)
        writer.object { writer in
            writer.member("resource", route.resource.text)
            writer.member("issuers", route.issuers.map { snapshot.issuer($0).name })
            writer.member("audiences", route.audiences)
            writer.member("scopes", route.scopes)
            writer.name("requests")
            writer.object { writer in
                for outcome in RequestOutcome.allCases { writer.member(outcome.name, summary[outcome]) }
            }
            writer.name("reasons")
            writer.object { writer in
                for (code, count) in summary.reasons(in: observation) {
                    writer.name(code)
                    writer.number(count)
                }
            }
            writer.member("streams", observation.total(summary.owner, RouteColumn.streams) { $0.routes })
            writer.name("latency_us")
            write(summary.histogram(RouteColumn.latency, in: observation), to: &writer)
            writer.name("upstream_latency_us")
            write(summary.histogram(RouteColumn.upstreamLatency, in: observation), to: &writer)
            writer.member("endpoints", route.upstream.endpoints.map(\.name))
        }
    }

    private func write(_ histogram: ArraySlice<Int>, to writer: inout JSONWriter) {
        writer.object { writer in
            writer.member("p50", LatencyHistogram.quantile(0.5, of: histogram))
            writer.member("p99", LatencyHistogram.quantile(0.99, of: histogram))
        }
    }
}

// MARK: - What stands behind the routes

extension StatusDocument {
    /// Most endpoints beside those of the routes that are shown.
    private static let maximumOtherEndpoints = 200
    /// Most issuers.
    private static let maximumIssuers = 1000

    /// Writes the endpoints of the routes that are shown, and of the others those that are not up.
    private func writeEndpoints(of routes: [RouteSummary], to writer: inout JSONWriter) {
        let all = EndpointSummary.all(of: observation)
        var shown: Set<String> = []
        for route in routes {
            let upstream = observation.snapshot?.route(route.id).upstream
            shown.formUnion(upstream?.endpoints.map(\.name) ?? [])
        }
        let broken = all.filter { $0.isBroken && !shown.contains($0.name) }
        let selected = all.filter { shown.contains($0.name) } + broken.prefix(Self.maximumOtherEndpoints)
        writer.member("endpoint_total", all.count)
        writer.name("endpoints")
        writer.array { writer in
            for endpoint in selected.sorted(by: { $0.name < $1.name }) {
                writer.object { writer in
                    writer.member("name", endpoint.name)
                    writer.member("state", endpoint.state.rawValue)
                    writer.member("active", endpoint[.active])
                    writer.member("idle", endpoint[.idle])
                    writer.member("connections", endpoint[.connections])
                    writer.member("requests", endpoint[.requests])
                    writer.member("failures", endpoint[.failures])
                    writer.member("reason", endpoint.reason)
                    writer.name("since")
                    if let since = endpoint.since { writer.string(Self.time(since)) } else { writer.null() }
                }
            }
        }
    }

    private func writeIssuers(to writer: inout JSONWriter) {
        writer.member("issuer_total", observation.issuers.count)
        writer.name("issuers")
        writer.array { writer in
            for issuer in observation.issuers.prefix(Self.maximumIssuers) {
                writer.object { writer in
                    writer.member("name", issuer.name)
                    writer.member("issuer", issuer.issuer)
                    writer.member("state", issuer.condition.rawValue)
                    writer.member("keys", issuer.keys)
                    writer.member("age_seconds", issuer.fetchedAt.map { max(observation.now - $0, 0) } ?? 0)
                    writer.member("problem", issuer.problem)
                }
            }
        }
    }

    private func writeReplays(to writer: inout JSONWriter) {
        let replays = ReplaySummary.all(of: observation)
        writer.member("other_replays", observation.total(\.otherReplays))
        writer.name("replays")
        writer.array { writer in
            for replay in replays.prefix(WorkerCounts.maximumReplayPairs) {
                writer.object { writer in
                    writer.member("issued_for", replay.issuedFor)
                    writer.member("presented_at", replay.presentedAt)
                    writer.member("count", replay.count)
                    writer.member("last", Self.time(replay.last))
                }
            }
        }
    }
}

/// Tokens of one route that were presented at another.
private struct ReplaySummary {
    let issuedFor: String
    let presentedAt: String
    let count: Int
    let last: Int

    /// All pairs, the most frequent first.
    static func all(of observation: Observation) -> [ReplaySummary] {
        var ownerOfRow: [Int: CounterOwner] = [:]
        for owner in observation.routes { ownerOfRow[owner.row] = owner }
        var sums: [ReplayPair: (count: Int, last: Int)] = [:]
        for report in observation.reports {
            for (pair, replay) in report.counts.replays {
                guard let from = ownerOfRow[pair.issuedFor], let to = ownerOfRow[pair.presentedAt],
                    report.generation >= max(from.since, to.since)
                else { continue }
                let sum = sums[pair] ?? (0, 0)
                sums[pair] = (sum.count + replay.count, max(sum.last, replay.last))
            }
        }
        return sums.map { pair, sum in
            ReplaySummary(
                issuedFor: ownerOfRow[pair.issuedFor]?.name ?? "",
                presentedAt: ownerOfRow[pair.presentedAt]?.name ?? "",
                count: sum.count,
                last: sum.last
            )
        }
        .sorted { ($1.count, $0.issuedFor, $0.presentedAt) < ($0.count, $1.issuedFor, $1.presentedAt) }
    }
}
