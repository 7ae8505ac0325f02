// What the answers at the public name of a route are worth. Pure: answers in, findings out.

internal import Bytes
internal import HTTP
internal import JSON
internal import Policy
internal import Proxy

/// Judges what came from the public name of one route.
struct PublicAnswers {
    let route: Route
    /// The `iss` of each issuer that the route trusts.
    let issuers: [String]

    // MARK: The metadata document

    /// Judges the answer at the address of the metadata document (RFC 9728 §3.2 and §3.3).
    func document(_ response: BackgroundResponse) -> Finding {
        let address = route.resource.metadataURL
        guard response.status == 200 else {
            return unexpected(response, .document, "\(address) answered with status \(response.status).")
        }
        func problem(_ what: String, _ remedy: String) -> Finding {
            Finding(.problem, .document, "\(address) \(what)", remedy)
        }
        guard response.isJSON else {
            return problem("is not application/json.", "See what answers there: it is not this gateway.")
        }
        guard let document = try? JSONReader.read(response.body.span).object else {
            return problem("is not a JSON object.", "See what answers there: it is not this gateway.")
        }
        let rewritten =
            "Run the gateway with this configuration, and let nothing in front rewrite what it answers."
        guard let resource = document["resource"]?.string, resource.isIdentical(to: route.resource.text)
        else {
            let named = document["resource"]?.string.map { "\"\($0)\"" } ?? "none"
            return problem("names another resource: \(named). Clients must not use it.", rewritten)
        }
        let named = document["authorization_servers"]?.strings ?? []
        guard Set(named.map(\.octets)) == Set(issuers.map(\.octets)) else {
            let list = named.isEmpty ? "none" : named.joined(separator: ", ")
            return problem("names other authorization servers: \(list).", rewritten)
        }
        guard response.body == route.metadataDocument else {
            let sentence =
                "\(address) names the resource and its issuers, but differs from this configuration."
            let remedy = "Start the gateway anew if it runs an older configuration."
            return Finding(.warning, .document, sentence, remedy)
        }
        return Finding(.ok, .document, "\(address) is as configured.")
    }

    // MARK: The challenge

    /// Judges the answer to a request without a token (RFC 9728 §5.1).
    func challenge(_ response: BackgroundResponse) -> Finding {
        guard response.status == 401 else {
            guard !(200..<300).contains(response.status) else {
                return Finding(
                    .problem,
                    .challenge,
                    "A request without a token got \(response.status): everybody can use the server.",
                    "Let this name lead to the gateway, and to the server by no other way."
                )
            }
            return unexpected(response, .challenge, "A request without a token got \(response.status).")
        }
        let challenges = BearerChallenge.all(in: response.values(.wwwAuthenticate))
        guard let challenge = challenges.first else {
            return Finding(
                .problem,
                .challenge,
                "A request without a token got 401 without a Bearer challenge: clients cannot find out what to do.",
                "Let nothing in front remove WWW-Authenticate, and see whether it is the gateway that answers."
            )
        }
        let address = route.resource.metadataURL
        guard challenge.resourceMetadata?.isIdentical(to: address) == true else {
            let named = challenge.resourceMetadata.map { "\"\($0)\"" } ?? "no metadata document"
            return Finding(
                .problem,
                .challenge,
                "The challenge names \(named), not \(address).",
                "Run the gateway with this configuration, and let nothing in front rewrite what it answers."
            )
        }
        return Finding(.ok, .challenge, "A request without a token got 401 and the way to the document.")
    }

    // MARK: Tokens

    /// Judges the answer to a token that must be refused as `invalid_token` (RFC 6750 §3.1).
    ///
    /// - Parameters:
    ///   - response: The answer.
    ///   - step: Which check it belongs to.
    ///   - token: What was presented, with its article.
    ///   - danger: What it would mean if it were accepted.
    func refusal(
        _ response: BackgroundResponse,
        _ step: Finding.Step,
        of token: String,
        danger: String
    ) -> Finding {
        let got = "\(token.prefix(1).uppercased())\(token.dropFirst()) got \(response.status)"
        switch response.status {
        case 401:
            let challenges = BearerChallenge.all(in: response.values(.wwwAuthenticate))
            guard challenges.contains(where: { $0.error == "invalid_token" }) else {
                return Finding(
                    .problem,
                    step,
                    "\(got) without invalid_token: clients do not learn that they need another token.",
                    "See whether it is the gateway that answers, and let nothing in front change WWW-Authenticate."
                )
            }
            return Finding(.ok, step, "\(got) invalid_token.")
        case 429: return unexpected(response, step, "\(got): whether it would be refused is not known.")
        case 503:
            return Finding(
                .warning,
                step,
                "\(got): whether it would be refused is not known.",
                "See whether the gateway has the keys of the issuer, and try again."
            )
        default:
            return Finding(
                .problem,
                step,
                "\(got) instead of 401: \(danger)",
                "Let this name lead to the gateway with this configuration, and to the server by no other way."
            )
        }
    }

    /// Judges the answer to a token that is valid for this route: without this the refusals elsewhere prove nothing.
    func acceptance(_ response: BackgroundResponse) -> Finding {
        let got = "The token for this route got \(response.status)"
        switch response.status {
        case 401:
            return Finding(
                .problem,
                .audience,
                "\(got), although by this configuration it is valid: the refusals elsewhere prove nothing.",
                "See the reason in the access log; the gateway may run another configuration, or its clock be wrong."
            )
        case 403:
            return Finding(.ok, .audience, "\(got): its audience is accepted, its scopes do not suffice.")
        case 429, 502, 503, 504: return unexpected(response, .audience, "\(got).")
        default: return Finding(.ok, .audience, "\(got): it is accepted.")
        }
    }

    /// A status that was not hoped for, with what most often causes it.
    private func unexpected(
        _ response: BackgroundResponse,
        _ step: Finding.Step,
        _ sentence: String
    ) -> Finding {
        switch response.status {
        case 300..<400:
            let remedy =
                "Answer at this address itself: clients do not follow a redirect, which could lead anywhere."
            return Finding(.problem, step, sentence, remedy)
        case 404:
            let remedy =
                "Let what stands in front pass this path and \(ResourceURI.wellKnownPrefix) on to the gateway unchanged, "
                + "or set \"match.path\"; and see whether the gateway runs with this configuration."
            return Finding(.problem, step, sentence, remedy)
        case 421:
            let remedy = "Let the proxy in front leave Host as it is, or set \"match.host\" to what it sends."
            return Finding(.problem, step, sentence, remedy)
        case 429:
            let remedy = "What answers limits this machine: wait, or ask for one route alone by --route."
            return Finding(.warning, step, sentence, remedy)
        case 500...:
            let remedy =
                "See whether the proxy in front reaches the gateway, the gateway the keys of its issuers, and both "
                + "the server."
            return Finding(.problem, step, sentence, remedy)
        default:
            let remedy = "See what answers there: it is not this gateway with this configuration."
            return Finding(.problem, step, sentence, remedy)
        }
    }
}
