// `audgate explain`: what becomes of a token at a route, and why.

internal import ArgumentParser
internal import Configuration
internal import JOSE
internal import Policy
internal import Proxy
internal import Transport

/// Explains a token.
struct Explain: ParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "Take a token through every check of a route, and say what to change.",
        discussion: """
            The checks are the gateway's own, in its order; the first that refuses is the one that clients get to know. \
            Behind it the checks go on as far as they can. The keys are fetched from where the configuration says. \
            The token is printed nowhere; its claims are. What a request is checked for besides its token (host, path, method, \
            Origin, content) is not part of it.

            Examples:
              echo "$TOKEN" | audgate explain --route https://mcp.example.com/files
              audgate explain --route https://mcp.example.com/files --json - < token.txt

            Exit codes: 0 the token passes, 1 it is refused or the configuration or the route is wrong, 2 it cannot be \
            told because the keys are unavailable, 64 wrong usage.
            """
    )

    @OptionGroup var options: ConfigurationOptions
    @Flag(name: .long, help: "Use the configuration of \"audgate demo\" instead of a file.")
    var demo = false
    @Option(name: .long, help: "The resource of the route, exactly as it is configured.")
    var route: String
    @Flag(name: .long, help: "Print one JSON document, for programs.")
    var json = false
    @Argument(
        help:
            "The token; \"-\" or nothing for standard input, where other users of this machine do not see it."
    )
    var token: String?

    func run() throws {
        let snapshot = try (demo ? DemoConfiguration.load() : options.load(json: json)).snapshot
        let id = try RouteChoice.route(named: route, in: snapshot, json: json)
        let token = presentedToken()
        let explanation = TokenExplanation(
            token.span,
            at: id,
            in: snapshot,
            keys: keys(for: token, at: id, in: snapshot),
            now: Int64(Clock.unixMicroseconds / 1_000_000)
        )
        let report = ExplanationReport(explanation, route: route)
        Terminal.print(json ? report.json : report.text)
        guard explanation.isAllowed else {
            throw ExitCode(explanation.reason == .access(.keysUnavailable) ? 2 : 1)
        }
    }

    private func presentedToken() -> [UInt8] {
        if let token, token != "-" { return TokenInput.token(in: Array(token.utf8)) }
        return TokenInput.standardInput()
    }

    private func keys(
        for token: [UInt8],
        at route: RouteID,
        in snapshot: Snapshot
    ) -> Result<KeySet, KeysUnavailable> {
        guard let id = TokenExplanation.issuer(of: token.span, at: route, in: snapshot) else {
            return .failure(KeysUnavailable(problem: "No issuer is known."))
        }
        let issuer = snapshot.issuer(id)
        return Progress.show("Fetching the keys of \"\(ClaimText.printable(issuer.name))\"") {
            do throws(FetchError) {
                return .success(try KeyFetch.fetch(issuer).keySet)
            } catch {
                return .failure(KeysUnavailable(problem: error.problem))
            }
        }
    }
}
