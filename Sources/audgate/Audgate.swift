// The command line: which command, and where its configuration is.

internal import ArgumentParser

/// The reverse proxy in front of MCP servers that checks for whom a token was issued.
@main
struct Audgate: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "audgate",
        abstract:
            "Lets a request through to an MCP server only when its access token was issued for exactly that server.",
        discussion: """
            Exit codes: 0 success, 1 a problem that the output names, 2 the gateway could not start, 64 wrong usage.
            """,
        version: "0.1.0",
        subcommands: [Serve.self],
        defaultSubcommand: Serve.self
    )
}

/// Where the configuration is.
struct ConfigurationOptions: ParsableArguments {
    @Option(name: .long, help: "The configuration file.")
    var config = "gateway.json"
}
