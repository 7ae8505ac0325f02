// The rules that hold over all routes together: resources, matching places, reserved paths and nesting.

internal import Bytes
internal import HTTP
internal import Policy

/// Checks the set of routes.
enum RouteSetRules {
    /// Reports every route that gets in the way of another, or of the gateway's own paths.
    static func check(_ routes: [RouteObject], listeners: [ListenerObject]) {
        checkResources(routes)
        checkPlaces(routes)
        checkReservedPaths(routes, listeners)
        checkNesting(routes)
        for resource in routes.compactMap(\.resource) where resource.value.path.isEmpty {
            resource.node.warning(
                "A resource without a path stands for its whole host, and clients spell it in two ways.",
                "Give it a path, such as \"\(resource.value.text)/mcp\"."
            )
        }
    }

    /// No two resources may be the same, or look the same to a tolerant reader.
    private static func checkResources(_ routes: [RouteObject]) {
        var first: [String: Located<ResourceURI>] = [:]
        for resource in routes.compactMap(\.resource) {
            let key = Lookalike.key(resource.value.text)
            guard let other = first[key] else {
                first[key] = resource
                continue
            }
            if other.value == resource.value {
                resource.node.error(
                    "The route at \(other.node.line) has the same resource.",
                    "Give each route its own resource."
                )
            } else {
                resource.node.error(
                    "The resource differs from \"\(other.value.text)\" at \(other.node.line) only by "
                        + "case, slash, scheme, default port or encoding.",
                    "Give each route a resource that nobody can take for another."
                )
            }
        }
    }

    /// No route may be reached where another is reached, or at the address that another's resource names.
    private static func checkPlaces(_ routes: [RouteObject]) {
        var first: [String: (index: Int, node: Node)] = [:]
        // Routes with a resource that was reported are left out: one cause, one diagnostic.
        var resources: Set<String> = []
        for (index, route) in routes.enumerated() {
            guard let resource = route.resource, let place = route.place else { continue }
            guard resources.insert(Lookalike.key(resource.value.text)).inserted else { continue }
            let own = RoutePlace(authority: resource.value.authority, path: resource.value.path)
            for key in Set(keys(of: own, resource.value) + keys(of: place.value, resource.value)).sorted() {
                guard let other = first[key] else {
                    first[key] = (index, place.node)
                    continue
                }
                guard other.index != index else { continue }
                place.node.error(
                    "The route at \(other.node.line) is reached at the same host and path.",
                    "Give each route its own matching place, one that no other resource names."
                )
                break
            }
        }
    }

    /// The place as requests can name it: with and without the default port.
    private static func keys(of place: RoutePlace, _ resource: ResourceURI) -> [String] {
        let port = resource.scheme == "https" ? "443" : "80"
        let hasPort = Authority.hostEnd(of: place.authority.octets.span) < place.authority.utf8.count
        return [place.authority + place.path] + (hasPort ? [] : ["\(place.authority):\(port)\(place.path)"])
    }

    private static func checkReservedPaths(_ routes: [RouteObject], _ listeners: [ListenerObject]) {
        let health = Set(listeners.compactMap(\.healthPath?.value)).subtracting(["/"]).sorted()
        for route in routes {
            guard let resource = route.resource else { continue }
            let paths =
                [(resource.value.path, resource.node)]
                + (route.place.map { [($0.value.path, $0.node)] } ?? [])
            for (path, node) in paths {
                let reserved = ReservedPath.reserved(in: path.octets.span)
                let probed = health.first { TextRules.isPath(path, atOrBelow: $0) }
                guard let reserved = reserved ?? probed else { continue }
                let owner = probed == reserved ? "the health path of a listener" : "a reserved path"
                node.error("The route is at or below \"\(reserved)\", \(owner).", "Choose another path.")
                break
            }
        }
    }

    /// Warns of routes below other routes: people expect the token for the upper to open the lower.
    private static func checkNesting(_ routes: [RouteObject]) {
        let resources = routes.compactMap(\.resource)
        var byText: [String: Node] = [:]
        for resource in resources { byText[resource.value.text] = resource.node }
        for resource in resources {
            let lower = resource.value.text
            var path = Substring(resource.value.path)
            while let slash = path.utf8.lastIndex(of: UInt8(ascii: "/")) {
                path = path[..<slash]
                let upper = "\(resource.value.scheme)://\(resource.value.authority)\(path)"
                guard let node = byText[upper] else { continue }
                resource.node.warning(
                    "\"\(lower)\" lies below \"\(upper)\" at \(node.line): only a token for \"\(lower)\" opens it, "
                        + "and that token does not open \"\(upper)\".",
                    "Make sure that clients ask for a token for each of them."
                )
                break
            }
        }
    }
}
