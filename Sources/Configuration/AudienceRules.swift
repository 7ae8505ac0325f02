// The rules that hold over all audiences together: each opens one server.

internal import Policy

/// Checks the set of audiences: resources, aliases, and what may stand beside them.
struct AudienceRules {
    private struct Owner {
        let route: Int
        let node: Node
    }

    private var owners: [String: Owner] = [:]
    private var lookalikes: [String: Owner] = [:]

    /// Reports every audience that would open two servers.
    static func check(_ routes: [RouteObject], _ issuers: [IssuerObject]) {
        var rules = AudienceRules()
        rules.collect(resourcesOf: routes)
        for (index, route) in routes.enumerated() {
            for alias in route.aliases { rules.check(alias, of: index) }
        }
        for issuer in issuers {
            for audience in issuer.otherAudiences { rules.checkOther(audience) }
        }
    }

    /// The first route with a resource owns it; the repetition is reported elsewhere.
    private mutating func collect(resourcesOf routes: [RouteObject]) {
        for (index, route) in routes.enumerated() {
            guard let resource = route.resource else { continue }
            let owner = Owner(route: index, node: resource.node)
            let text = resource.value.text
            for spelling in resource.value.path.isEmpty ? [text, text + "/"] : [text]
            where owners[spelling] == nil {
                owners[spelling] = owner
            }
            let key = Lookalike.key(text)
            if lookalikes[key] == nil { lookalikes[key] = owner }
        }
    }

    private mutating func check(_ alias: Located<String>, of route: Int) {
        let text = alias.value
        guard let owner = owners[text] else {
            checkLookalike(alias, of: route)
            owners[text] = Owner(route: route, node: alias.node)
            return
        }
        if owner.route == route {
            alias.node.error("\"\(text)\" stands for this resource already.", "Remove it.")
        } else if !TextRules.isFullURI(text) {
            alias.node.error(
                "\"\(text)\" is not a full URI, and the route at \(owner.node.line) lists it too: it opens both servers.",
                "Let the authorization server put the resource into the audience."
            )
        } else {
            alias.node.error(
                "\"\(text)\" opens the route at \(owner.node.line) already.",
                "Give each audience to one route only."
            )
        }
    }

    private mutating func checkLookalike(_ alias: Located<String>, of route: Int) {
        let key = Lookalike.key(alias.value)
        guard let owner = lookalikes[key] else {
            lookalikes[key] = Owner(route: route, node: alias.node)
            return
        }
        guard owner.route != route else { return }
        alias.node.error(
            "\"\(alias.value)\" looks like an audience of the route at \(owner.node.line).",
            "List it there, or remove it."
        )
    }

    private func checkOther(_ audience: Located<String>) {
        guard let owner = owners[audience.value] else { return }
        audience.node.error(
            "\"\(audience.value)\" is an audience of the route at \(owner.node.line): "
                + "a token that names it beside another resource would open two servers.",
            "Remove it."
        )
    }
}
