// `audgate check`: what is wrong with a configuration, and who may pass at each of its routes.

internal import ArgumentParser
internal import Configuration
internal import Policy

/// Checks a configuration.
struct Check: ParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "Report every problem and warning of a configuration, then who may pass at each route.",
        discussion: """
            Problems and warnings go to standard error, problems first, one a line: \
            file:line:column: /json/pointer: what is wrong. What to do. The routes go to standard output, once there is no \
            problem. With --json everything is one document on standard output.

            With --live the outside world is asked, too: the metadata and keys of issuers; each route by its public name, \
            as a client would, without a token and with tokens that nobody issued; the servers behind. With --token a real \
            token is presented at every route, and must be refused at all but its own. Nothing of it is ever printed.

            Examples:
              audgate check
              audgate check --config /etc/audgate/gateway.json --json
              audgate check --live --route https://mcp.example.com/files
              echo "$TOKEN" | audgate check --live --token - --connect-to 127.0.0.1:8443 --ca ca.pem

            Exit codes: 0 the configuration can be used, and with --live the outside world is as it says (warnings alone do \
            not change that), 1 there are problems, 64 wrong usage.
            """
    )

    @OptionGroup var options: ConfigurationOptions
    @OptionGroup var live: LiveOptions
    @Option(name: .long, help: "Only this route: its resource, exactly as it is configured.")
    var route: String?
    @Flag(name: .long, help: "Print one JSON document, for programs.")
    var json = false

    func run() throws {
        let configuration: GatewayConfiguration
        do {
            configuration = try ConfigurationLoader.load(path: options.config)
        } catch {
            show(ConfigurationReport(error), live: nil)
            throw ExitCode(1)
        }
        let snapshot = configuration.snapshot
        let id = try route.map { try RouteChoice.route(named: $0, in: snapshot, json: json) }
        let report = ConfigurationReport(configuration, route: id)
        guard live.live else { return show(report, live: nil) }
        if !json { show(report, live: nil) }
        let found = LiveCheckReport(try live.check(snapshot, route: id, json: json))
        if json { show(report, live: found) }
        if !json { for line in [""] + found.lines { Terminal.print(line) } }
        guard found.isClean else { throw ExitCode(1) }
    }

    private func show(_ report: ConfigurationReport, live: LiveCheckReport?) {
        guard !json else { return Terminal.print(report.json(live)) }
        for line in report.diagnosticLines { Terminal.error(line) }
        for line in report.routeLines { Terminal.print(line) }
        for line in report.keyLines { Terminal.error(line) }
    }
}
