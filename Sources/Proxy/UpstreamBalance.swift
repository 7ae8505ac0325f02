// Which of several places takes a request: the less loaded of two that chance names.

internal import MCP
internal import OpenSSL

/// The choice among places. Pure: time and chance are arguments.
///
/// Two random choices spread load almost as well as looking at all, and a place that has just come back, or of which
/// this worker knows little, is not flooded as the least loaded of all would be.
enum UpstreamBalance {
    /// What is chosen from.
    struct Scene {
        /// All places of the route, or of the endpoint that the request belongs to; at least one.
        let places: [UpstreamPlace]
        /// Those that have failed this request already.
        var tried: [UpstreamPlace] = []
        /// Endpoints that have no room for the request.
        var full: [PublishedEndpoint] = []
        /// Whether the request only listens.
        let isListening: Bool
        /// Milliseconds of the monotonic clock.
        let now: Int
    }

    /// The place for a request; nil if all were tried, or those that should take it are full.
    static func choose(_ scene: Scene, _ random: inout IdentifierSource) -> UpstreamPlace? {
        guard scene.places.count > 1 else {
            return scene.tried.isEmpty && scene.full.isEmpty ? scene.places.first : nil
        }
        // Most of the time nothing is wrong with any place.
        let isUsual =
            scene.tried.isEmpty && scene.full.isEmpty
            && scene.places.allSatisfy { $0.standing.share(now: scene.now) >= 1 }
        let willing =
            isUsual
            ? scene.places
            : willing(scene, &random).filter { place in !scene.full.contains { $0 === place.published } }
        guard willing.count > 1 else { return willing.first }
        let (first, second) = pair(among: willing, &random)
        return lighter(first, second, listening: scene.isListening)
    }

    /// The place that requests about an unknown task go to: the same for all processes, as long as they see the same
    /// places (rendezvous hashing). nil as with `choose`.
    static func choose(_ scene: Scene, forTask id: [UInt8]) -> UpstreamPlace? {
        let number = SHA256.digest(of: id.span).prefix
        func score(_ place: UpstreamPlace) -> UInt64 {
            let address = place.tag.address?.value ?? 0
            var source = IdentifierSource(
                seed: number ^ place.tag.endpoint.value ^ (address << 1 | address >> 63)
            )
            return source.next()
        }
        let rest = scene.places.filter { place in !scene.tried.contains { $0 === place } }
        let good = rest.filter { $0.standing != .down && !$0.standing.isEjected(now: scene.now) }
        let first = (good.isEmpty ? rest : good).max { score($0) < score($1) }
        // Another place would not know the task: this one is waited for.
        return scene.full.contains { $0 === first?.published } ? nil : first
    }

    private static func lighter(
        _ first: UpstreamPlace,
        _ second: UpstreamPlace,
        listening: Bool
    ) -> UpstreamPlace {
        // Chance has put them in this order, so that it decides where they are equal.
        first.load(listening: listening) <= second.load(listening: listening) ? first : second
    }

    private static func pair(
        among places: [UpstreamPlace],
        _ random: inout IdentifierSource
    ) -> (UpstreamPlace, UpstreamPlace) {
        let number = random.next()
        let first = Int((number >> 32) % UInt64(places.count))
        let second = Int((number & 0xFFFF_FFFF) % UInt64(places.count - 1))
        return (places[first], places[second < first ? second : second + 1])
    }

    /// The places that are to take the request, as far as it has not been there: those that serve with their share, else
    /// all that serve, else any.
    private static func willing(_ scene: Scene, _ random: inout IdentifierSource) -> [UpstreamPlace] {
        let serving = serving(scene.places, now: scene.now)
        let untried = serving.places.filter { place in !scene.tried.contains { $0 === place } }
        guard !untried.isEmpty else {
            return scene.places.filter { place in !scene.tried.contains { $0 === place } }
        }
        guard !serving.isPanic else { return untried }
        let sharing = untried.filter { place in
            let share = place.standing.share(now: scene.now)
            return share >= 1 || Double(random.next() >> 11) / Double(1 << 53) < share
        }
        return sharing.isEmpty ? untried : sharing
    }

    /// The places that are in service. What requests have found dead is out only while half of the rest is left: if more
    /// fails, the judgement is worth less than the places. What checks have found dead is out unless all is.
    private static func serving(
        _ places: [UpstreamPlace],
        now: Int
    ) -> (places: [UpstreamPlace], isPanic: Bool) {
        let up = places.filter { $0.standing != .down }
        guard !up.isEmpty else { return (places, true) }
        let inService = up.filter { !$0.standing.isEjected(now: now) }
        return inService.count * 2 >= up.count ? (inService, false) : (up, true)
    }
}
