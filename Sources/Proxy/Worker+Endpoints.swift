// What a worker learns of endpoints while it serves: failures, answers, and tasks.

internal import Bytes
internal import HTTP
internal import MCP
internal import Policy
internal import Transport

extension Worker {
    // MARK: - Health

    /// A connection could not be made, or a request got no answer.
    func noteFailure(_ failure: GatewayFailure, at place: UpstreamPlace) {
        place.isUnproven = true
        let detail = failure.detail.isEmpty ? "" : ": \(failure.detail)"
        services.health.failed(place.published, at: place.address, failure.reason.rawValue + detail)
        // The name may have another address by now.
        if place.tag.address != nil { services.names.lookUp(place.endpoint.host) }
    }

    /// A request got no answer. The requests on one connection of HTTP/2 fail together, and count as one.
    func noteFailure(_ failure: GatewayFailure, of upstream: UpstreamStream) {
        if case .stream(_, let connection) = upstream.carrier {
            guard !connection.hasFailed else { return }
            connection.hasFailed = true
        }
        noteFailure(failure, at: upstream.place)
    }

    /// An answer has begun. Those by which gateways and servers say that they cannot serve count as failures; all others,
    /// an error of the server's own (500) among them, prove life.
    func noteHead(_ status: Int, of upstream: UpstreamStream) {
        if case .stream(_, let connection) = upstream.carrier { connection.hasFailed = false }
        guard (502...504).contains(status) else {
            guard upstream.place.isUnproven else { return }
            upstream.place.isUnproven = false
            return services.health.succeeded(upstream.place.published, at: upstream.place.address)
        }
        upstream.place.isUnproven = true
        services.health.failed(upstream.place.published, at: upstream.place.address, "status \(status)")
    }

    /// Takes over how an endpoint stands at one of its addresses.
    func note(_ standing: Standing, of endpoint: PublishedEndpoint, at address: SocketAddress) {
        for place in pool.places(at: endpoint) where place.address == address { place.standing = standing }
    }

    // MARK: - Tasks

    /// Begins to look for a task in a response that may tell of one, where it makes a difference.
    func startFindingTask(of exchange: Exchange) {
        guard exchange.lease?.permit.purpose == .mayCreateTask, let route = exchange.record.route,
            pool.hasSeveralPlaces(exchange.generation.endpoints(of: route)),
            exchange.response.status == 200, !exchange.response.isEncoded
        else { return }
        if exchange.isEventStream {
            exchange.taskFinder = TaskFinder(eventStream: ())
        } else if exchange.response.isJSON {
            let length: Int? = if case .length(let length) = exchange.response.framing { length } else { nil }
            exchange.taskFinder = TaskFinder(jsonOfLength: length)
        }
    }

    /// Reads along with a response, and remembers where the task is that it tells of.
    func findTask(in octets: borrowing Span<UInt8>, isEnd: Bool = false, _ exchange: Exchange) {
        guard exchange.taskFinder != nil else { return }
        let id = exchange.taskFinder?.read(octets, isEnd: isEnd)
        if exchange.taskFinder?.isOver == true { exchange.taskFinder = nil }
        guard let id, let route = exchange.route, let principal = exchange.record.principal,
            let place = exchange.lease?.place
        else { return }
        services.tasks.enter(id, at: route, for: principal, place: place.tag)
    }
}
