// `audgate demo`: the whole story on loopback, without any file or other software.

internal import ArgumentParser
internal import Configuration
internal import Policy

/// Runs gateway, authorization server and two MCP servers.
struct Demo: ParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "Run everything on loopback, and print commands to try.",
        discussion: """
            Starts an authorization server, two small MCP servers and the gateway in front of them, with the \
            configuration that is checked in as gateway.json. Nothing is read from or written to files. It gives \
            tokens to everybody who asks, so it listens on 127.0.0.1 only: ports 8080, 8081, 9001 and 9002.

            Standard output has the commands; only warnings and errors come besides, on standard error. For the \
            access log run the same configuration with "audgate serve".

            Exit codes: 0 ended by a signal, 2 it could not start, for example because a port is in use.
            """
    )

    func run() throws {
        var configuration: GatewayConfiguration
        do {
            configuration = try DemoConfiguration.load()
        } catch {
            for diagnostic in error.diagnostics { Terminal.error(diagnostic.text) }
            throw ExitCode(1)
        }
        configuration.log.level = .warning
        configuration.log.access = .off
        let walkthrough = Walkthrough(configuration, source: "--demo")
        do {
            try GatewayRun.run(configuration, from: DemoConfiguration.origin) {
                Terminal.print(walkthrough.text)
                Terminal.print("\nCtrl-C ends the demo.")
            }
        } catch {
            Terminal.error(Self.remedy(configuration))
            throw error
        }
    }

    private static func remedy(_ configuration: GatewayConfiguration) -> String {
        let servers = configuration.development.map { [$0.authorizationServer] + $0.servers.values.sorted() }
        let addresses = configuration.snapshot.listeners.map(\.address) + (servers ?? [])
        return
            "The demo needs \(addresses.joined(separator: ", ")). To use other ports, change them in a copy of "
            + "gateway.json and run \"audgate serve\" with that."
    }
}
