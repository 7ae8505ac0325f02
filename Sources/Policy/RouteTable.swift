// Authority and path to route, in time proportional to their length and to nothing else.

internal import Bytes

/// The routes of a snapshot, compiled for lookup.
///
/// A route that covers subpaths answers for every path below its own; among several the longest path wins. Paths are
/// compared segment by segment and byte by byte.
public struct RouteTable: Sendable {
    private var authorities = ByteStringTable()
    private var exact = ByteStringTable()
    private var covering = ByteStringTable()
    private var metadata = ByteStringTable()

    /// What a lookup found.
    public struct Match: Sendable, Equatable {
        /// The route.
        public let route: RouteID
        /// Length of the part of the path that is the route's own; the rest is the subpath.
        public let pathLength: Int
    }

    /// Compiles `routes`, of which no two have the same place.
    public init(_ routes: [Route]) {
        // The first entry for a place stays: every resource's own document comes before what `match` adds.
        for (index, route) in routes.enumerated() {
            let own = insertAuthority(route.resource.authority, of: route.resource)
            metadata.insert(route.resource.path, under: own, value: index)
        }
        for (index, route) in routes.enumerated() {
            let place = route.place
            let authority = insertAuthority(place.authority, of: route.resource)
            exact.insert(place.path.isEmpty ? "/" : place.path, under: authority, value: index)
            if route.coversSubpaths { covering.insert(place.path, under: authority, value: index) }
            metadata.insert(route.resource.path, under: authority, value: index)
            metadata.insert(place.path, under: authority, value: index)
        }
    }

    /// Registers an authority, and its spelling with the default port of the resource's scheme.
    private mutating func insertAuthority(_ authority: String, of resource: ResourceURI) -> Int {
        let number = authorities.value(of: authority.octets.span, under: 0) ?? authorities.count
        authorities.insert(authority, under: 0, value: number)
        let hasPort =
            authority.hasSuffix("]") ? false : authority.split(separator: "]").last?.contains(":") ?? false
        if !hasPort {
            authorities.insert(
                authority + (resource.scheme == "https" ? ":443" : ":80"),
                under: 0,
                value: number
            )
        }
        return number
    }

    /// The number of `authority`, ignoring case; nil if no route has it.
    func authority(_ authority: borrowing Span<UInt8>) -> Int? {
        authorities.value(ofLowercased: authority, under: 0)
    }

    /// The route that `path` belongs to at `authority`.
    func match(authority: Int, path: borrowing Span<UInt8>) -> Match? {
        if let route = exact.value(of: path, under: authority) {
            return Match(route: RouteID(route), pathLength: path.count)
        }
        guard covering.count > 0 else { return nil }
        return longestCovering(authority: authority, path: path)
    }

    /// Tries the path up to each of its slashes, remembering the longest that a route covers.
    private func longestCovering(authority: Int, path: borrowing Span<UInt8>) -> Match? {
        var found: Match?
        var hash = ByteStringTable.hash(under: authority)
        for index in path.indices {
            if path[index] == UInt8(ascii: "/"),
                let route = covering.value(of: path.extracting(0..<index), under: authority, hash: hash)
            {
                found = Match(route: RouteID(route), pathLength: index)
            }
            hash = ByteStringTable.hash(hash, adding: path[index])
        }
        return found
    }

    /// The route whose metadata document stands at the well-known prefix followed by `resourcePath`.
    func metadata(authority: Int, resourcePath: borrowing Span<UInt8>) -> RouteID? {
        metadata.value(of: resourcePath, under: authority).map { RouteID($0) }
    }
}
