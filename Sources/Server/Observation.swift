// All that metrics and the status page are made of, gathered at one moment.

internal import Policy
internal import Proxy
internal import Transport

/// A worker as it is seen from outside.
struct ObservedWorker: Sendable {
    /// Whether its loop turns.
    let isAlive: Bool
    /// Whether it has told its counters just now.
    let isFresh: Bool
    /// Connections of clients.
    let connections: Int
    /// The newest report, nil if there never was one.
    let report: WorkerReport?
}

/// What was to be written or sent, and was lost.
struct ObservedLosses: Sendable {
    /// Lines of the access log.
    var accessLines = 0
    /// Lines of the audit log.
    var auditLines = 0
    /// Spans.
    var traces = TraceCounts()
}

/// The process at one moment.
struct Observation: Sendable {
    /// Seconds since the Unix epoch.
    let now: Int
    /// Since when the process runs, in seconds since the Unix epoch.
    let startedAt: Int
    /// Its number.
    let processID: Int
    /// Whether it can take traffic.
    let isReady: Bool
    /// Configuration, reloads, drain.
    let facts: OperationalFacts
    /// All workers, by index.
    let workers: [ObservedWorker]
    /// The authorization servers.
    let issuers: [IssuerState]
    /// The endpoints at each of their addresses.
    let health: [EndpointState]
    /// What was lost on its way out.
    let lost: ObservedLosses
    /// Most client connections of the process.
    let maximumConnections: Int
    /// Processor, memory and descriptors.
    let usage: ProcessUsage

    /// The newest reports.
    var reports: [WorkerReport] { workers.compactMap(\.report) }

    /// The routes with the rows of their counters.
    var routes: [CounterOwner] { facts.publication?.routeRows ?? [] }

    /// The endpoints with the rows of their counters.
    var endpoints: [CounterOwner] { facts.publication?.endpointRows ?? [] }

    /// The configuration.
    var snapshot: Snapshot? { facts.publication?.snapshot }

    /// The sum of one counter of all workers.
    func total(_ counter: (WorkerTotals) -> Int) -> Int {
        reports.reduce(0) { $0 + counter($1.counts.totals) }
    }

    /// The sum of one counter of a row, over the workers that know whose it is.
    func total(_ owner: CounterOwner, _ column: Int, _ rows: (WorkerCounts) -> CounterTable) -> Int {
        reports.reduce(0) { sum, report in
            report.generation >= owner.since ? sum + rows(report.counts)[owner.row, column] : sum
        }
    }
}
