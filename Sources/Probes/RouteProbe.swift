// Asks at the public name of a route what a client would ask, and then the servers behind it.

internal import HTTP
internal import JOSE
internal import Policy
internal import Proxy
internal import Transport

/// One route.
struct RouteProbe {
    let id: RouteID
    let snapshot: Snapshot
    let outside: Outside
    let forged: ForgedTokens
    let token: OperatorToken?

    private var route: Route { snapshot.route(id) }

    private var answers: PublicAnswers {
        PublicAnswers(route: route, issuers: route.issuers.map { snapshot.issuer($0).rules.issuer })
    }

    /// Asks everything, one thing after the other.
    func findings() -> [Finding] {
        publicFindings() + EndpointProbe(route: route, outside: outside).findings()
    }

    private func publicFindings() -> [Finding] {
        var findings: [Finding] = []
        do throws(BackgroundFailure) {
            findings.append(answers.document(try getDocument()))
            findings.append(answers.challenge(try post(token: nil)))
            findings.append(try presentForgeries())
            // A token goes only to what has shown that it is this gateway.
            let isGateway = findings[0].verdict != .problem && findings[1].verdict == .ok
            if let token, isGateway { findings.append(try present(token)) }
        } catch {
            let step = [Finding.Step.document, .challenge, .forgery, .audience][findings.count]
            findings.append(Finding(.problem, step, error.problem, Self.remedy(for: error.kind)))
        }
        let wanted: [Finding.Step] = [.challenge, .forgery] + (token == nil ? [] : [.audience])
        return findings
            + wanted.dropFirst(max(findings.count - 1, 0))
            .map { Finding(.note, $0, "Not tried, because of what was found before.") }
    }

    private func getDocument() throws(BackgroundFailure) -> BackgroundResponse {
        var request = try BackgroundRequest(to: route.resource.metadataURL)
        request.fields = [("Accept", "application/json")]
        return try outside.askPublicName(request)
    }

    /// Sends a message that does nothing wherever it arrives.
    private func post(token: String?) throws(BackgroundFailure) -> BackgroundResponse {
        var request = try BackgroundRequest(to: route.resource.text)
        request.method = .post
        request.fields = [
            ("Content-Type", "application/json"), ("Accept", "application/json, text/event-stream"),
        ]
        if let token { request.fields.append(("Authorization", "Bearer \(token)")) }
        request.body = Array(#"{"jsonrpc":"2.0","id":"audgate-check","method":"ping"}"#.utf8)
        request.maximumLength = 0
        let response = try outside.askPublicName(request)
        guard let wait = Self.wait(before: response) else { return response }
        Clock.sleep(milliseconds: wait * 1000)
        return try outside.askPublicName(request)
    }

    /// Most seconds that are waited for an answer that is not 429.
    private static let longestWait = 10

    /// The seconds after which to ask once more; nil if the answer is one, or tells no time worth waiting for. A check of
    /// many routes presents more bad tokens than a gateway lets one address have.
    private static func wait(before response: BackgroundResponse) -> Int? {
        guard response.status == 429, let text = response.values(.retryAfter).first, let seconds = Int(text),
            (0...longestWait).contains(seconds)
        else { return nil }
        return seconds
    }

    /// Presents tokens that nobody issued; the first that is not refused is told of.
    private func presentForgeries() throws(BackgroundFailure) -> Finding {
        for token in forged.tokens(for: route, now: Clock.unixMicroseconds / 1_000_000) {
            let finding = answers.refusal(
                try post(token: token.text),
                .forgery,
                of: token.name,
                danger: "whoever answers does not verify signatures."
            )
            guard finding.verdict == .ok else { return finding }
        }
        return Finding(.ok, .forgery, "Tokens that nobody issued got 401 invalid_token.")
    }

    private func present(_ token: OperatorToken) throws(BackgroundFailure) -> Finding {
        let response = try post(token: token.text)
        guard token.home != id else { return answers.acceptance(response) }
        return answers.refusal(
            response,
            .audience,
            of: "the token for \(snapshot.route(token.home).resource.text)",
            danger: "the audience is not compared, and any server's token opens this one."
        )
    }

    private static func remedy(for kind: BackgroundFailure.Kind) -> String {
        switch kind {
        case .unresolved: "Enter the name into DNS, or say by --connect-to where it will lead."
        case .unreachable:
            "Let the gateway run, or what stands in front of it, and let this machine reach it."
        case .insecure:
            "Let the name have a certificate that clients trust; an authority of your own is named by --ca."
        case .silent: "See why nothing comes within ten seconds."
        case .malformed, .tooLarge: "See what answers there: it is not this gateway."
        }
    }
}
