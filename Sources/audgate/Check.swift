// `audgate check`: what is wrong with a configuration, and who may pass at each of its routes.

internal import ArgumentParser
internal import Configuration

/// Checks a configuration.
struct Check: ParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "Report every problem and warning of a configuration, then who may pass at each route.",
        discussion: """
            Problems and warnings go to standard error, problems first, one a line: \
            file:line:column: /json/pointer: what is wrong. What to do. The routes go to standard output, once there is no \
            problem. With --json everything is one document on standard output.

            Examples:
              audgate check
              audgate check --config /etc/audgate/gateway.json --json

            Exit codes: 0 the configuration can be used (warnings alone do not change that), 1 it has problems, \
            64 wrong usage.
            """
    )

    @OptionGroup var options: ConfigurationOptions
    @Flag(name: .long, help: "Also ask the outside world: issuers, upstreams and the gateway's public name.")
    var live = false
    @Flag(name: .long, help: "Print one JSON document, for programs.")
    var json = false

    func run() throws {
        guard !live else {
            Terminal.error("--live is not yet supported. Leave it out to check the file alone.")
            throw ExitCode(1)
        }
        let report: ConfigurationReport
        do {
            report = ConfigurationReport(try ConfigurationLoader.load(path: options.config))
        } catch {
            report = ConfigurationReport(error)
        }
        if json {
            Terminal.print(report.json)
        } else {
            for line in report.diagnosticLines { Terminal.error(line) }
            for line in report.routeLines { Terminal.print(line) }
            for line in report.keyLines { Terminal.error(line) }
        }
        guard report.isUsable else { throw ExitCode(1) }
    }
}
