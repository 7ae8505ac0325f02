// How the endpoints are: the counters of all workers and all routes together, by name.

internal import Proxy

/// One endpoint.
struct EndpointSummary {
    /// Whether it can be used.
    enum State: String, CaseIterable {
        /// Nothing can be connected to it.
        case down
        /// It is left alone for a while.
        case ejected
        /// Nothing was tried.
        case unknown
        /// It takes connections.
        case up
    }

    let name: String
    private var columns = [Int](repeating: 0, count: EndpointColumn.allCases.count)

    private init(name: String) {
        self.name = name
    }

    /// The sum of a counter.
    subscript(column: EndpointColumn) -> Int { columns[column.rawValue] }

    /// What the last attempt to connect says of it. Connections that are open may go on while it is down.
    var state: State {
        guard self[.connectedAt] > 0 || self[.failedAt] > 0 else { return .unknown }
        return self[.failedAt] > self[.connectedAt] ? .down : .up
    }

    /// Whether it cannot be used.
    var isBroken: Bool {
        switch state {
        case .down, .ejected: true
        case .unknown, .up: false
        }
    }

    /// Why it is not up, empty if it is.
    var reason: String { state == .down ? "The last attempt to connect failed." : "" }

    /// Since when, in seconds since the Unix epoch; nil if that is not known.
    var since: Int? { state == .down ? self[.failedAt] / 1000 : nil }

    /// All endpoints of the configuration, each name once.
    static func all(of observation: Observation) -> [EndpointSummary] {
        var summaries: [String: EndpointSummary] = [:]
        for owner in observation.endpoints {
            for report in observation.reports where report.generation >= owner.since {
                let row = report.counts.endpoints[owner.row]
                summaries[owner.name, default: EndpointSummary(name: owner.name)].add(row)
            }
            if summaries[owner.name] == nil { summaries[owner.name] = EndpointSummary(name: owner.name) }
        }
        return Array(summaries.values)
    }

    private mutating func add(_ row: ArraySlice<Int>?) {
        guard let row else { return }
        for column in EndpointColumn.allCases {
            let value = row[row.startIndex + column.rawValue]
            switch column {
            case .connectedAt, .failedAt: columns[column.rawValue] = max(self[column], value)
            case .requests, .failures, .connections, .idle, .active: columns[column.rawValue] += value
            }
        }
    }
}
