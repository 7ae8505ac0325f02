// How the list of checks ends early, and what is put on every answer that it ends with.

/// The end of a decision before the permit.
enum Stop: Error {
    /// The gateway answers.
    case respond(LocalResponse)
    /// The keys of an issuer are to be fetched first.
    case awaitKeys(IssuerID)

    /// The refusal of a request for `reason`.
    static func refuse(_ reason: AccessReason) -> Stop {
        .respond(LocalResponse(refusing: .access(reason)))
    }

    /// The refusal of a method of a resource that has only those in `allow`.
    static func methodNotAllowed(_ allow: String) -> Stop {
        var response = LocalResponse(refusing: .access(.methodNotAllowed))
        response.add("Allow", allow)
        return .respond(response)
    }

    /// A refusal that tells the client where to get a token that will be accepted.
    static func challenge(
        _ reason: Reason,
        _ route: Route,
        scopes: [String],
        intendedRoute: RouteID? = nil
    ) -> Stop {
        let answer = Answer(reason)
        var response = LocalResponse(refusing: reason)
        // A client without credentials is told what to get, not what it did wrong (RFC 6750 §3.1).
        let hasCredentials = answer.error != "unauthorized"
        response.add(
            "WWW-Authenticate",
            Challenge.bearer(route, answer: hasCredentials ? answer : nil, scopes: scopes)
        )
        response.intendedRoute = intendedRoute
        return .respond(response)
    }
}

/// What has been found out about a request so far.
struct Progress {
    var route: RouteID?
    /// The browser origin that was allowed.
    var origin: String?
    /// The route, once the origin was judged.
    var judgedRoute: Route?
    var principal: Principal?

    /// The decision that a stop means, with what the answer to an allowed browser page needs.
    func decision(for stop: Stop) -> Decision {
        switch stop {
        case .awaitKeys(let issuer):
            return .awaitKeys(issuer)
        case .respond(var response):
            response.route = response.route ?? route
            response.principal = principal
            // Before the origin was judged there is none to answer to, and a refused one learns nothing.
            if let judgedRoute { response.fields += CrossOrigin.fields(for: origin, at: judgedRoute) }
            return .respond(response)
        }
    }
}
