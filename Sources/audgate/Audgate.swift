// The command line: which command, and where its configuration is.

internal import ArgumentParser
internal import Configuration
internal import Server

/// The reverse proxy in front of MCP servers that checks for whom a token was issued.
@main
struct Audgate: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "audgate",
        abstract:
            "Lets a request through to an MCP server only when its access token was issued for exactly that server.",
        discussion: """
            First steps:
              audgate demo                          everything on loopback, with commands to try
              audgate check --config gateway.json   what is wrong with a configuration, and who may pass
              audgate serve --config gateway.json   run the gateway

            Exit codes: 0 success, 1 a problem that the output names, 2 the gateway could not start, 64 wrong usage. \
            explain has codes of its own, see its help.
            """,
        version: Release.version,
        subcommands: [Serve.self, Check.self, HealthCheck.self, Explain.self, VerifyJWS.self, Demo.self],
        defaultSubcommand: Serve.self
    )
}

/// Where the configuration is.
struct ConfigurationOptions: ParsableArguments {
    @Option(name: .long, help: "The configuration file.")
    var config = "gateway.json"

    /// Loads the configuration, and notes the files in `files`; ends the command with every problem on standard error if
    /// it has one.
    ///
    /// - Parameters:
    ///   - sessionKey: What seals session ids where the configuration names no keys; nil for a fresh secret.
    ///   - files: Gets the files that were read.
    ///   - json: Whether a program is told what is wrong.
    func load(
        sessionKey: [UInt8]? = nil,
        noting files: ReadFiles = ReadFiles(),
        json: Bool = false
    ) throws -> GatewayConfiguration {
        do {
            return try ConfigurationLoader.load(path: config, sessionKey: sessionKey, noting: files)
        } catch {
            let lines = error.diagnostics.map(\.text).joined(separator: "\n")
            throw Terminal.failure(lines, json: json)
        }
    }
}
