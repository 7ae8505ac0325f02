// How the routes are: the counters of all workers together.

internal import Policy
internal import Proxy

/// One route.
struct RouteSummary {
    /// Its place in the configuration.
    let id: RouteID
    /// Whose its counters are.
    let owner: CounterOwner
    /// Requests that have ended, by who ended them, in the order of `RequestOutcome.allCases`.
    fileprivate(set) var outcomes = [Int](repeating: 0, count: RequestOutcome.allCases.count)

    /// Requests that a side has ended.
    subscript(outcome: RequestOutcome) -> Int {
        outcomes[RequestOutcome.allCases.firstIndex(of: outcome) ?? 0]
    }

    /// All requests that have ended.
    var total: Int { outcomes.reduce(0, +) }

    /// All routes of the configuration, in its order.
    static func all(of observation: Observation) -> [RouteSummary] {
        let owners = observation.routes
        var routes = owners.indices.map { RouteSummary(id: RouteID($0), owner: owners[$0]) }
        let outcomeOfCode = Reason.all.map { RequestOutcome.allCases.firstIndex(of: $0.outcome) ?? 0 }
        for report in observation.reports {
            var indexOfRow: [Int: Int] = [:]
            for (index, owner) in owners.enumerated() where report.generation >= owner.since {
                indexOfRow[owner.row] = index
                routes[index].outcomes[0] += report.counts.routes[owner.row, RouteColumn.allowed]
            }
            report.counts.reasons.forEach { row, code, count in
                guard let index = indexOfRow[row] else { return }
                routes[index].outcomes[outcomeOfCode[code]] += count
            }
        }
        return routes
    }

    /// The routes that are asked for, and how many fit the filter.
    static func selected(of observation: Observation, by query: StatusQuery) -> ([RouteSummary], total: Int) {
        var routes = all(of: observation)
        if !query.filter.isEmpty {
            routes = routes.filter { $0.owner.name.lowercased().contains(query.filter) }
        }
        switch query.order {
        case .name: routes.sort { $0.owner.name < $1.owner.name }
        case .traffic: routes.sort { ($1.total, $0.owner.name) < ($0.total, $1.owner.name) }
        case .refused: routes.sort { ($1[.refuse], $0.owner.name) < ($0[.refuse], $1.owner.name) }
        }
        return (Array(routes.dropFirst(query.offset).prefix(query.routes)), routes.count)
    }

    /// How often each reason but `allowed` ended a request, by code.
    func reasons(in observation: Observation) -> [(code: String, count: Int)] {
        var counts: [Int: Int] = [:]
        for report in observation.reports where report.generation >= owner.since {
            counts.merge(report.counts.reasons[owner.row], uniquingKeysWith: +)
        }
        return counts.sorted { ($1.value, $0.key) < ($0.value, $1.key) }.map {
            (Reason.all[$0.key].code, $0.value)
        }
    }

    /// The counters of a histogram.
    func histogram(_ first: Int, in observation: Observation) -> ArraySlice<Int> {
        var sum = [Int](repeating: 0, count: LatencyHistogram.width)
        for report in observation.reports where report.generation >= owner.since {
            guard let row = report.counts.routes[owner.row] else { continue }
            for column in sum.indices { sum[column] += row[row.startIndex + first + column] }
        }
        return sum[...]
    }
}
