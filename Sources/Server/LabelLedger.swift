// Counters of many things under few labels: the busiest have labels of their own, the rest is summed.

internal import Proxy

/// Books what workers have counted under labels, of which there is a bounded number.
///
/// What is booked is what was counted since the last time, so that no sum ever goes down: not when a thing gets a label
/// of its own, not when it is removed from the configuration, and not when a row goes to something else.
struct LabelLedger {
    /// The label of everything that has none of its own.
    static let other = "other"
    /// The label of what belongs to nothing.
    static let none = "none"

    /// What was counted under one label.
    struct Account {
        /// The columns of the rows. Columns that stand for present numbers mean nothing here.
        var row: [Int]
        /// How often each code was counted.
        var codes: [Int: Int] = [:]

        init(width: Int) {
            row = Array(repeating: 0, count: width)
        }

        mutating func add(_ other: Account) {
            add(other.row[...], since: nil)
            codes.merge(other.codes, uniquingKeysWith: +)
        }

        mutating func add(_ new: ArraySlice<Int>, since old: ArraySlice<Int>?) {
            for column in row.indices {
                row[column] += new[new.startIndex + column] - (old.map { $0[$0.startIndex + column] } ?? 0)
            }
        }
    }

    private let width: Int
    private let rows: @Sendable (WorkerCounts) -> CounterTable
    private let codes: @Sendable (WorkerCounts) -> CodeRows?
    private var accounts: [String: Account] = [:]
    private var named: Set<String> = []
    /// What is booked already, by worker.
    private var booked: [Int: WorkerReport] = [:]

    /// A ledger for routes.
    static var ofRoutes: LabelLedger {
        LabelLedger(width: RouteColumn.width, rows: { $0.routes }, codes: { $0.reasons })
    }

    /// A ledger for endpoints.
    static var ofEndpoints: LabelLedger {
        LabelLedger(width: EndpointColumn.allCases.count, rows: { $0.endpoints }, codes: { _ in nil })
    }

    private init(
        width: Int,
        rows: @escaping @Sendable (WorkerCounts) -> CounterTable,
        codes: @escaping @Sendable (WorkerCounts) -> CodeRows?
    ) {
        self.width = width
        self.rows = rows
        self.codes = codes
    }

    /// All labels that there are, with their accounts, in the order of the labels.
    var all: [(label: String, account: Account)] {
        Set(accounts.keys).union(named).sorted().map { ($0, accounts[$0] ?? Account(width: width)) }
    }

    /// The label of the thing with this name.
    func label(of name: String) -> String { named.contains(name) ? name : Self.other }

    /// Books what was counted since the last time.
    ///
    /// - Parameters:
    ///   - reports: The newest report of each worker.
    ///   - owners: Whose the rows are.
    ///   - limit: Most labels beside those for the rest.
    ///   - weight: The column after which the busiest are chosen; codes count as well.
    mutating func book(_ reports: [WorkerReport], owners: [CounterOwner], limit: Int, weight: Int) {
        let (rows, codes) = (rows, codes)
        choose(owners, limit: limit) { Self.weights($0, reports, weight, rows: rows, codes: codes) }
        for report in reports {
            let before = booked[report.worker]
            for owner in owners where report.generation >= owner.since {
                bookRow(owner, report, before)
            }
            bookCodes(owners, report, before)
            booked[report.worker] = report
        }
    }

    private mutating func bookRow(_ owner: CounterOwner, _ report: WorkerReport, _ before: WorkerReport?) {
        guard let new = rows(report.counts)[owner.row], new.contains(where: { $0 != 0 }) else { return }
        let old = before.flatMap { $0.generation >= owner.since ? rows($0.counts)[owner.row] : nil }
        accounts[label(of: owner), default: Account(width: width)].add(new, since: old)
    }

    private mutating func bookCodes(_ owners: [CounterOwner], _ report: WorkerReport, _ before: WorkerReport?)
    {
        guard let new = codes(report.counts) else { return }
        let old = before.flatMap { codes($0.counts) }
        var ownerOfRow: [Int: CounterOwner] = [:]
        for owner in owners where report.generation >= owner.since { ownerOfRow[owner.row] = owner }
        new.forEach { row, code, count in
            guard let owner = ownerOfRow[row] else { return }
            let isSame = before.map { $0.generation >= owner.since } ?? false
            let more = count - (isSame ? old?[row, code] ?? 0 : 0)
            accounts[label(of: owner), default: Account(width: width)].codes[code, default: 0] += more
        }
    }

    private func label(of owner: CounterOwner) -> String {
        owner.name.isEmpty ? Self.none : label(of: owner.name)
    }

    /// Gives labels of their own to the busiest, as long as there are any. Who has one keeps it.
    private mutating func choose(
        _ owners: [CounterOwner],
        limit: Int,
        weights: ([CounterOwner]) -> [String: Int]
    ) {
        let names = Set(owners.lazy.map(\.name).filter { !$0.isEmpty })
        for name in named.subtracting(names) { drop(name, isConfigured: false) }
        if named.count > limit {
            let weights = weights(owners)
            for name in Self.busiest(named, weights).dropFirst(limit) { drop(name, isConfigured: true) }
        }
        let unnamed = names.subtracting(named)
        guard !unnamed.isEmpty, named.count < limit else { return }
        guard names.count > limit else {
            named = names
            return
        }
        let weights = weights(owners)
        let candidates = unnamed.filter { weights[$0, default: 0] > 0 }
        named.formUnion(Self.busiest(candidates, weights).prefix(limit - named.count))
    }

    /// Takes its label from a thing. What is still configured goes on among the others.
    private mutating func drop(_ name: String, isConfigured: Bool) {
        named.remove(name)
        guard let account = accounts.removeValue(forKey: name), isConfigured else { return }
        accounts[Self.other, default: Account(width: width)].add(account)
    }

    private static func busiest(_ names: Set<String>, _ weights: [String: Int]) -> [String] {
        names.sorted { (weights[$1, default: 0], $0) < (weights[$0, default: 0], $1) }
    }

    private static func weights(
        _ owners: [CounterOwner],
        _ reports: [WorkerReport],
        _ column: Int,
        rows: (WorkerCounts) -> CounterTable,
        codes: (WorkerCounts) -> CodeRows?
    ) -> [String: Int] {
        var weights: [String: Int] = [:]
        for report in reports {
            var byRow: [Int: Int] = [:]
            codes(report.counts)?.forEach { row, _, count in byRow[row, default: 0] += count }
            for owner in owners where report.generation >= owner.since {
                let count = rows(report.counts)[owner.row, column] + byRow[owner.row, default: 0]
                if count > 0 { weights[owner.name, default: 0] += count }
            }
        }
        return weights
    }
}

/// Books tokens of one route that were presented at another, by the names of both.
struct ReplayLedger {
    /// Most pairs with labels of their own.
    static let limit = WorkerCounts.maximumReplayPairs

    /// The resources of both routes.
    struct Pair: Hashable {
        let issuedFor: String
        let presentedAt: String
    }

    /// How often, by pair.
    private(set) var counts: [Pair: Int] = [:]
    /// How often for the pairs that are not told apart.
    private(set) var other = 0
    private var booked: [Int: WorkerReport] = [:]

    /// Books what was counted since the last time.
    mutating func book(_ reports: [WorkerReport], owners: [CounterOwner]) {
        var ownerOfRow: [Int: CounterOwner] = [:]
        for owner in owners { ownerOfRow[owner.row] = owner }
        let names = Set(owners.map(\.name))
        counts = counts.filter { names.contains($0.key.issuedFor) && names.contains($0.key.presentedAt) }
        for report in reports {
            let before = booked[report.worker]
            other += report.counts.totals.otherReplays - (before?.counts.totals.otherReplays ?? 0)
            for (pair, replay) in report.counts.replays {
                guard let from = ownerOfRow[pair.issuedFor], let to = ownerOfRow[pair.presentedAt],
                    report.generation >= max(from.since, to.since)
                else { continue }
                let isSame = before.map { $0.generation >= max(from.since, to.since) } ?? false
                let more = replay.count - (isSame ? before?.counts.replays[pair]?.count ?? 0 : 0)
                book(Pair(issuedFor: from.name, presentedAt: to.name), more)
            }
            booked[report.worker] = report
        }
    }

    private mutating func book(_ pair: Pair, _ more: Int) {
        if counts[pair] != nil || counts.count < Self.limit {
            counts[pair, default: 0] += more
        } else {
            other += more
        }
    }
}

/// What metrics are written from.
struct MetricsLedger {
    private(set) var routes = LabelLedger.ofRoutes
    private(set) var endpoints = LabelLedger.ofEndpoints
    private(set) var replays = ReplayLedger()

    /// Books what was counted since the last time, under at most `limit` labels for routes and as many for endpoints.
    mutating func book(_ observation: Observation, limit: Int) {
        let reports = observation.reports
        // Row 0 is for requests without a route.
        let nowhere = CounterOwner(name: "", row: 0, since: 0)
        routes.book(
            reports,
            owners: observation.routes + [nowhere],
            limit: limit,
            weight: RouteColumn.allowed
        )
        endpoints.book(
            reports,
            owners: observation.endpoints,
            limit: limit,
            weight: EndpointColumn.requests.rawValue
        )
        replays.book(reports, owners: observation.routes)
    }
}
