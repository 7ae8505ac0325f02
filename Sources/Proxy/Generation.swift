// One generation of configuration as one worker holds it.

internal import Policy

/// A worker's hold on a configuration, and what the worker keeps for it. An exchange keeps the generation that it began
/// with, and the generation dies with its last exchange.
///
/// One object for each worker, so that cores do not fight over one reference count.
final class Generation {
    private let publication: Publication
    /// The configuration.
    let snapshot: Snapshot
    /// The keys of its issuers.
    var keys: KeyRing
    /// Bytes that are set aside for what is held whole, by route.
    var reservedByRoute: [Int]

    init(_ publication: Publication, keys: KeyRing) {
        self.publication = publication
        snapshot = publication.snapshot
        self.keys = keys
        reservedByRoute = Array(repeating: 0, count: publication.snapshot.routes.count)
    }

    /// Counts the generations.
    var number: Int { publication.generation }

    /// The row of a route's counters; that of requests without a route for nil.
    func row(of route: RouteID?) -> Int { route.map { publication.routeRows[$0.index].row } ?? 0 }

    /// The numbers of a route's endpoints.
    func endpoints(of route: RouteID) -> [Int] { publication.endpoints[route.index] }
}
