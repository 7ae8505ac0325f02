// How the endpoints are: the counters of all workers and all routes together, and how they are judged, by name.

internal import Proxy

/// One endpoint.
struct EndpointSummary {
    /// Whether it can be used.
    enum State: String, CaseIterable {
        /// Nothing can be connected to it, or its checks fail.
        case down
        /// Requests failed there, and it is left alone for a while.
        case ejected
        /// Nothing was tried.
        case unknown
        /// It takes connections.
        case up
    }

    let name: String
    private var columns = [Int](repeating: 0, count: EndpointColumn.allCases.count)
    /// How it is judged at each of its addresses.
    private var judged: [EndpointState] = []

    private init(name: String) {
        self.name = name
    }

    /// The sum of a counter.
    subscript(column: EndpointColumn) -> Int { columns[column.rawValue] }

    /// How it is judged, if it is out at all of its addresses; else what the last attempt to connect says of it.
    /// Connections that are open may go on while it is down.
    var state: State {
        if let verdict { return State(rawValue: verdict.state) ?? .unknown }
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

    /// The verdict on the address that was out last, nil unless all are.
    private var verdict: EndpointState? {
        guard judged.allSatisfy({ $0.state == State.down.rawValue || $0.state == State.ejected.rawValue })
        else { return nil }
        return judged.max { ($0.since ?? 0) < ($1.since ?? 0) }
    }

    /// Why it is not up, empty if it is.
    var reason: String { verdict?.reason ?? (state == .down ? "The last attempt to connect failed." : "") }

    /// Since when, in seconds since the Unix epoch; nil if that is not known.
    var since: Int? {
        if let verdict { return verdict.since.map { $0 / 1000 } }
        return state == .down ? self[.failedAt] / 1000 : nil
    }

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
        for state in observation.health { summaries[state.name]?.judged.append(state) }
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
